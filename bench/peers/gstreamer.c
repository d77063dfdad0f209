/* SPDX-License-Identifier: Apache-2.0 */
/*
 * GStreamer: appsrc ! shmsink in the sender, shmsrc ! appsink in each receiver, as one would plug them together. shmsink
 * copies each buffer into its shared memory; receivers read it there.
 */
#include "../bench.h"

#include <errno.h>
#include <glob.h>
#include <gst/app/gstappsink.h>
#include <gst/app/gstappsrc.h>
#include <gst/gst.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct side {
	const struct bench_work *work;
	GstElement *pipeline, *end; /* appsrc or appsink */
	GstBuffer *buffer;
	GstSample *sample;
	GstMapInfo map;
};

static const char *path(void)
{
	static char text[128];

	snprintf(text, sizeof(text), "/dev/shm/%s.gst", bench_name());
	return text;
}

static void describe_sender(const struct bench_work *work, char *out, size_t size)
{
	size_t bytes = work->size * (work->depth + 4) + 65536;

	snprintf(out, size,
	         "appsrc name=end block=true max-bytes=%zu ! shmsink socket-path=%s shm-size=%zu sync=false "
	         "wait-for-connection=false",
	         work->size * work->depth, path(), bytes);
}

/* Those that must not lose leave it to the sender to wait for them. */
static void describe_receiver(const struct bench_work *work, char *out, size_t size)
{
	snprintf(out, size, "shmsrc socket-path=%s ! appsink name=end sync=false max-buffers=%u drop=%s", path(),
	         work->depth, work->lossless ? "false" : "true");
}

static void *side_open(const struct bench_work *work, bool sender, unsigned number)
{
	struct side *s = calloc(1, sizeof(*s));
	char text[512];
	GError *error = NULL;

	gst_init(NULL, NULL);
	s->work = work;
	(sender ? describe_sender : describe_receiver)(work, text, sizeof(text));
	s->pipeline = gst_parse_launch(text, &error);
	if (!s->pipeline || error)
		bench_fail("%s: %s (package gstreamer1.0-plugins-bad)", text, error ? error->message : "no pipeline");
	s->end = gst_bin_get_by_name(GST_BIN(s->pipeline), "end");
	/* a receiver is ready when it is connected; that is before its first buffer */
	gst_element_set_state(s->pipeline, GST_STATE_PLAYING);
	if (sender)
		while (access(path(), F_OK) < 0)
			usleep(1000);
	return s;
}

static void *side_prepare(void *side)
{
	struct side *s = side;

	s->buffer = gst_buffer_new_allocate(NULL, s->work->size, NULL);
	gst_buffer_map(s->buffer, &s->map, GST_MAP_WRITE);
	return s->map.data;
}

static void side_send(void *side)
{
	struct side *s = side;

	gst_buffer_unmap(s->buffer, &s->map);
	if (gst_app_src_push_buffer(GST_APP_SRC(s->end), s->buffer) != GST_FLOW_OK)
		bench_fail("the pipeline takes no buffer");
}

static const void *side_receive(void *side, int64_t timeout_ns)
{
	struct side *s = side;

	s->sample = gst_app_sink_try_pull_sample(GST_APP_SINK(s->end), (guint64)timeout_ns);
	if (!s->sample)
		return NULL;
	gst_buffer_map(gst_sample_get_buffer(s->sample), &s->map, GST_MAP_READ);
	if (s->map.size != s->work->size)
		bench_fail("a buffer has %zu bytes", s->map.size);
	return s->map.data;
}

static void side_release(void *side)
{
	struct side *s = side;

	gst_buffer_unmap(gst_sample_get_buffer(s->sample), &s->map);
	gst_sample_unref(s->sample);
}

static void side_close(void *side)
{
	struct side *s = side;

	gst_element_set_state(s->pipeline, GST_STATE_NULL);
	gst_object_unref(s->end);
	gst_object_unref(s->pipeline);
	free(s);
}

/* A sender that was killed leaves its memory, named after its process. */
static void side_stop(void)
{
	glob_t found;
	int pid;

	unlink(path());
	if (glob("/dev/shm/shmpipe.*", 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++) {
		if (sscanf(found.gl_pathv[i], "/dev/shm/shmpipe.%d.", &pid) == 1 && kill(pid, 0) < 0 && errno == ESRCH)
			unlink(found.gl_pathv[i]);
	}
	globfree(&found);
}

/* A socket has one sender. */
static bool side_can(const struct bench_work *work)
{
	return work->senders == 1 && !work->alone;
}

const struct bench_peer bench_peer = {
    .name = "gstreamer",
    .open = side_open,
    .prepare = side_prepare,
    .send = side_send,
    .receive = side_receive,
    .release = side_release,
    .close = side_close,
    .can = side_can,
    .stop = side_stop,
};
