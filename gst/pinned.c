/* SPDX-License-Identifier: Apache-2.0 */
/* A lock makes one user at a time out of the element's thread and those that free buffers; none of them waits inside. */
#include "pinned.h"

struct pinned {
	gatomicrefcount users; /* the element, and each buffer that is out */
	GMutex lock;
	struct zoe_domain *domain;
	struct zoe_subscriber *subscriber;
	gchar *topic;
	guint out, out_max;
};

/* What a memory has to release. */
struct pin {
	struct pinned *pinned;
	struct zoe_frame frame;
};

static void unref(struct pinned *pinned)
{
	if (!g_atomic_ref_count_dec(&pinned->users))
		return;
	zoe_subscriber_close(pinned->subscriber);
	zoe_domain_close(pinned->domain);
	g_mutex_clear(&pinned->lock);
	g_free(pinned->topic);
	g_free(pinned);
}

int pinned_open(const gchar *domain, const gchar *topic, const struct zoe_subscriber_options *options, guint buffers,
                struct pinned **out)
{
	struct pinned *pinned = g_new0(struct pinned, 1);
	struct zoe_subscriber_options with_pins = *options;

	g_atomic_ref_count_init(&pinned->users);
	g_mutex_init(&pinned->lock);
	pinned->topic = g_strdup(topic);
	pinned->out_max = buffers;
	with_pins.pins = buffers + 1;
	int status = zoe_domain_open(domain, &pinned->domain);
	if (status == 0)
		status = zoe_subscriber_open(pinned->domain, topic, &with_pins, &pinned->subscriber);
	if (status < 0)
		unref(pinned);
	else
		*out = pinned;
	return status;
}

void pinned_close(struct pinned *pinned)
{
	if (pinned)
		unref(pinned);
}

int pinned_take(struct pinned *pinned, gboolean latest, struct zoe_frame *out_frame)
{
	g_mutex_lock(&pinned->lock);
	int status = latest ? zoe_take_latest(pinned->subscriber, 0, out_frame)
	                    : zoe_take_next(pinned->subscriber, 0, out_frame);
	g_mutex_unlock(&pinned->lock);
	return status;
}

int pinned_fd(struct pinned *pinned)
{
	g_mutex_lock(&pinned->lock);
	int fd = zoe_subscriber_fd(pinned->subscriber);
	g_mutex_unlock(&pinned->lock);
	return fd;
}

gboolean pinned_is_orphaned(struct pinned *pinned)
{
	struct zoe_topic_info info;

	return zoe_topic_info(pinned->domain, pinned->topic, &info) == 0 && info.publishers == 0;
}

void pinned_release(struct pinned *pinned, struct zoe_frame *frame)
{
	g_mutex_lock(&pinned->lock);
	zoe_release(pinned->subscriber, frame);
	g_mutex_unlock(&pinned->lock);
}

static void pin_free(gpointer data)
{
	struct pin *pin = data;
	struct pinned *pinned = pin->pinned;

	g_mutex_lock(&pinned->lock);
	zoe_release(pinned->subscriber, &pin->frame);
	pinned->out--;
	g_mutex_unlock(&pinned->lock);
	g_free(pin);
	unref(pinned);
}

GstMemory *pinned_wrap(struct pinned *pinned, struct zoe_frame *frame)
{
	g_mutex_lock(&pinned->lock);
	gboolean room = pinned->out < pinned->out_max;
	pinned->out += room;
	g_mutex_unlock(&pinned->lock);
	if (!room)
		return NULL;
	struct pin *pin = g_new(struct pin, 1);
	*pin = (struct pin){.pinned = pinned, .frame = *frame};
	g_atomic_ref_count_inc(&pinned->users);
	/* subscribers map slots read-only: whoever wants to write gets a copy from GStreamer */
	return gst_memory_new_wrapped(GST_MEMORY_FLAG_READONLY, (gpointer)frame->data, frame->size, 0, frame->size, pin,
	                              pin_free);
}
