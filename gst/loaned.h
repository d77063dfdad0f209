/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A publisher that a sink shares with its pool and with the buffers over loaned slots: whatever thread frees a buffer
 * last gives its slot back, and the last one out closes the publisher.
 */
#ifndef ZOETROPE_GST_LOANED_H
#define ZOETROPE_GST_LOANED_H

#include <gst/gst.h>

#include "zoetrope.h"

struct loaned;

/*
 * buffers  slots that may be out at once, on loan or published and still in upstream's hands; one more is for copies
 *
 * Returns  0 | as zoe_domain_open(), zoe_publisher_open(); then zoe_error() has the sentence
 */
int loaned_open(const gchar *domain, const gchar *topic, const struct zoe_topic_options *options, guint buffers,
                struct loaned **out);

/* Over a publisher that is the caller's, and lives until the last buffer is freed. */
struct loaned *loaned_over(struct zoe_publisher *publisher, guint buffers);

struct loaned *loaned_ref(struct loaned *loaned);
/* NULL is fine. */
void loaned_unref(struct loaned *loaned);

/*
 * A slot as writable memory of `bytes`.
 *
 * spare    it is for a copy that will be published at once: one more than `buffers` may be out
 *
 * Returns  0 | -EAGAIN (as many are out as may be) | as zoe_loan(); then zoe_error() has the sentence
 */
int loaned_memory(struct loaned *loaned, gsize bytes, gboolean spare, GstMemory **out);

/*
 * Publish the slot that a buffer's only memory is, if it is one of ours that is not published yet. Nobody can write to
 * that memory afterwards, and the slot is kept until the memory is freed.
 *
 * with     image with planes counted from the buffer's first byte, capture_ns, flags, timeout_ns; size is the buffer's
 * out_seq  as zoe_publish()
 *
 * Returns  0 | -ENOENT (no slot of ours: copy) | as zoe_publish(); after -ESTALE, -ENOBUFS and -EINVAL copy as well
 */
int loaned_publish(struct loaned *loaned, GstBuffer *buffer, const struct zoe_loan *with, uint64_t *out_seq);

#endif
