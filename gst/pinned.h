/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A subscriber that a source element shares with the buffers it gave out: each of them pins a slot, whatever thread frees
 * it and whenever, and the last one out closes the subscriber.
 */
#ifndef ZOETROPE_GST_PINNED_H
#define ZOETROPE_GST_PINNED_H

#include <gst/gst.h>

#include "zoetrope.h"

struct pinned;

/*
 * buffers  frames that may be out at once; the subscriber has a pin more, to copy from
 *
 * Returns  0 | as zoe_domain_open(), zoe_subscriber_open(); then zoe_error() has the sentence
 */
int pinned_open(const gchar *domain, const gchar *topic, const struct zoe_subscriber_options *options, guint buffers,
                struct pinned **out);

/* The element is done; buffers that are still out keep the rest alive. NULL is fine. */
void pinned_close(struct pinned *pinned);

/* As zoe_take_latest() or zoe_take_next() without waiting. From one thread. */
int pinned_take(struct pinned *pinned, gboolean latest, struct zoe_frame *out_frame);

/* Readable when a take may succeed. As zoe_subscriber_fd(). */
int pinned_fd(struct pinned *pinned);

/* Has the last publisher left? */
gboolean pinned_is_orphaned(struct pinned *pinned);

/* Memory over the frame itself; frame is released with it. NULL = as many are out as may be: the frame is the caller's. */
GstMemory *pinned_wrap(struct pinned *pinned, struct zoe_frame *frame);

void pinned_release(struct pinned *pinned, struct zoe_frame *frame);

#endif
