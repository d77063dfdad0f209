/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A memory is a slot's bytes and a record behind them. A lock makes one user of the publisher at a time; waiting for
 * lossless subscribers is the sink's, outside of it.
 */
#include "loaned.h"

#include <errno.h>

enum slot_state { SLOT_LOANED, SLOT_KEPT };

struct loaned {
	gatomicrefcount users; /* the sink, pools, and each slot that is out */
	GMutex lock;
	struct zoe_domain *domain; /* NULL = the publisher is another's */
	struct zoe_publisher *publisher;
	guint out, out_max;
};

struct slot {
	struct loaned *loaned;
	struct zoe_loan loan;
	enum slot_state state;
};

static GQuark slot_quark(void)
{
	return g_quark_from_static_string("zoetrope-slot");
}

struct loaned *loaned_ref(struct loaned *loaned)
{
	g_atomic_ref_count_inc(&loaned->users);
	return loaned;
}

void loaned_unref(struct loaned *loaned)
{
	if (!loaned || !g_atomic_ref_count_dec(&loaned->users))
		return;
	if (loaned->domain) {
		zoe_publisher_close(loaned->publisher);
		zoe_domain_close(loaned->domain);
	}
	g_mutex_clear(&loaned->lock);
	g_free(loaned);
}

struct loaned *loaned_over(struct zoe_publisher *publisher, guint buffers)
{
	struct loaned *loaned = g_new0(struct loaned, 1);

	g_atomic_ref_count_init(&loaned->users);
	g_mutex_init(&loaned->lock);
	loaned->publisher = publisher;
	loaned->out_max = buffers;
	return loaned;
}

int loaned_open(const gchar *domain, const gchar *topic, const struct zoe_topic_options *options, guint buffers,
                struct loaned **out)
{
	struct loaned *loaned = loaned_over(NULL, buffers);
	struct zoe_topic_options with_loans = *options;

	with_loans.loans = buffers + 1;
	with_loans.keeps = buffers + 1;
	int status = zoe_domain_open(domain, &loaned->domain);
	if (status == 0)
		status = zoe_publisher_open(loaned->domain, topic, &with_loans, &loaned->publisher);
	if (status < 0)
		loaned_unref(loaned);
	else
		*out = loaned;
	return status;
}

static void slot_free(gpointer data)
{
	struct slot *slot = data;
	struct loaned *loaned = slot->loaned;

	g_mutex_lock(&loaned->lock);
	if (slot->state == SLOT_LOANED)
		zoe_discard(loaned->publisher, &slot->loan);
	else
		zoe_unkeep(loaned->publisher, &slot->loan);
	loaned->out--;
	g_mutex_unlock(&loaned->lock);
	g_free(slot);
	loaned_unref(loaned);
}

int loaned_memory(struct loaned *loaned, gsize bytes, gboolean spare, GstMemory **out)
{
	struct slot *slot = g_new0(struct slot, 1);
	int status = -EAGAIN;

	g_mutex_lock(&loaned->lock);
	if (loaned->out < loaned->out_max + (spare ? 1 : 0))
		status = zoe_loan(loaned->publisher, bytes, &slot->loan);
	if (status == 0)
		loaned->out++;
	g_mutex_unlock(&loaned->lock);
	if (status < 0) {
		g_free(slot);
		return status;
	}
	slot->loaned = loaned_ref(loaned);
	GstMemory *memory = gst_memory_new_wrapped(0, slot->loan.data, slot->loan.capacity, 0, bytes, slot, slot_free);
	gst_mini_object_set_qdata(GST_MINI_OBJECT(memory), slot_quark(), slot, NULL);
	*out = memory;
	return 0;
}

/* The slot that is all of a buffer, not published yet, and loaned from here. Shares of memories are none. */
static struct slot *slot_of(struct loaned *loaned, GstBuffer *buffer, GstMemory **out_memory)
{
	if (gst_buffer_n_memory(buffer) != 1)
		return NULL;
	*out_memory = gst_buffer_peek_memory(buffer, 0);
	struct slot *slot = gst_mini_object_get_qdata(GST_MINI_OBJECT(*out_memory), slot_quark());
	return slot && slot->loaned == loaned && slot->state == SLOT_LOANED ? slot : NULL;
}

int loaned_publish(struct loaned *loaned, GstBuffer *buffer, const struct zoe_loan *with, uint64_t *out_seq)
{
	GstMemory *memory = NULL;
	int status = -ENOENT;

	g_mutex_lock(&loaned->lock);
	struct slot *slot = slot_of(loaned, buffer, &memory);
	if (slot) {
		struct zoe_loan *loan = &slot->loan;
		loan->size = memory->offset + memory->size;
		loan->image = with->image;
		for (guint i = 0; i < loan->image.plane_count; i++)
			loan->image.planes[i].offset += memory->offset;
		loan->capture_ns = with->capture_ns;
		loan->flags = with->flags;
		loan->timeout_ns = with->timeout_ns;
		/* from here on GStreamer copies for whoever wants to write; set back if it is not published */
		GST_MINI_OBJECT_FLAG_SET(memory, GST_MEMORY_FLAG_READONLY);
		status = zoe_publish_keep(loaned->publisher, loan, out_seq);
		if (status == 0)
			slot->state = SLOT_KEPT;
		else
			GST_MINI_OBJECT_FLAG_UNSET(memory, GST_MEMORY_FLAG_READONLY);
	}
	g_mutex_unlock(&loaned->lock);
	return status;
}
