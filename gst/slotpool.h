/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A buffer pool whose buffers are loaned slots, for whoever writes the pictures. When as many slots are out as may be, or
 * memory is short, it gives ordinary memory instead: a decoder that gets no buffer does not recover, a copy is cheap.
 */
#ifndef ZOETROPE_GST_SLOTPOOL_H
#define ZOETROPE_GST_SLOTPOOL_H

#include <gst/video/gstvideopool.h>

#include "loaned.h"

G_DECLARE_FINAL_TYPE(ZoetropeSlotPool, zoetrope_slot_pool, ZOETROPE, SLOT_POOL, GstBufferPool)

GstBufferPool *slotpool_new(struct loaned *loaned);

/* Answer an ALLOCATION query for raw pictures with a pool over loaned. FALSE = there is none for its caps. */
gboolean slotpool_propose(struct loaned *loaned, GstQuery *query);

/* What became of a picture. */
struct slotpool_published {
	gboolean copied;
	uint64_t seq;
};

/*
 * Publish what a raw buffer holds, of caps `info`: the slot itself if it is one, else a copy in a slot.
 *
 * with  image without planes, capture_ns, flags, timeout_ns
 *
 * Returns  0 | -EINVAL (the buffer does not hold such a picture) | as zoe_loan(), zoe_publish(): zoe_error() has the
 *          sentence | -EAGAIN, -ETIMEDOUT as zoe_publish()
 */
int slotpool_publish(struct loaned *loaned, GstBuffer *buffer, const GstVideoInfo *info, const struct zoe_loan *with,
                     struct slotpool_published *out);

/* The same for bytes that are no raw picture: always a copy. reserve: bytes that slots should have at least. */
int slotpool_publish_bytes(struct loaned *loaned, GstBuffer *buffer, gsize reserve, const struct zoe_loan *with,
                           struct slotpool_published *out);

#endif
