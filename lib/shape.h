/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Change of shape: one generation follows another. A topic's directory holds a folder for each, named by its number.
 * Steps S1..S7 of docs/transport.md "Change of shape".
 */
#ifndef ZI_SHAPE_H
#define ZI_SHAPE_H

#include "lossless.h"
#include "shm.h"

/* Open the newest generation that has a first number. Returns 0 | -EBADMSG | -errno. */
int zi_shape_newest(const struct zi_topic *topic, bool writable, struct zi_generation **out);

/* Open the oldest generation above number `above` (0 = the oldest of all). Returns 0 | -ENOENT (none) | -errno. */
int zi_shape_after(const struct zi_topic *topic, unsigned above, bool writable, struct zi_generation **out);

/*
 * Open, to read, the oldest generation that is not superseded: no later one has published depth frames. For a lossless
 * subscriber that is visible: a publisher that looked before may be about to give up those that are, and no others.
 * Returns 0 | -ENOENT (none) | -errno.
 */
int zi_shape_oldest(const struct zi_topic *topic, struct zi_generation **out);

/* What a successor must offer: at least what `old` does and what is wanted. Zero members of wanted are not wanted. */
struct zi_shape zi_shape_merge(const struct zi_shape *old, const struct zi_shape *wanted);
bool zi_shape_suffices(const struct zi_shape *has, const struct zi_shape *wanted);

/*
 * Leave topic->generation, which is closed or is closed now, for its successor, which is made with the wanted shape if
 * there is none (NULL: it must be there). The old one goes to the `older` list. For publishers, whose record number and
 * patience under the lossless rule patience has.
 *
 * Returns  0 | -EAGAIN, -ETIMEDOUT, -EINTR (a lossless subscriber) | -ENOSPC | -EBADMSG | -errno
 */
int zi_shape_go_over(struct zi_topic *topic, const struct zi_shape *wanted, struct zi_patience *patience);

/*
 * Open generations older than the current one that a publisher, now dead, has not given up, and finish what one did not
 * when it was killed. For publishers that join, under the join lock and before they have their byte.
 */
int zi_shape_adopt_older(struct zi_topic *topic);

/* Remove the successor that an earlier owner of this publisher's record was making when it was killed. */
void zi_shape_forget_half_made(const struct zi_topic *topic, unsigned publisher);

/*
 * Give up older generations once the current one has published depth frames and no lossless subscriber is left below:
 * empty the ring, punch the slots that nobody holds, remove the files but not the folder. Closes those in which this
 * handle holds nothing.
 */
void zi_shape_retire_older(struct zi_topic *topic, unsigned publisher);

/* Close older generations in which this handle holds nothing; a subscriber's way. */
void zi_shape_drop_older(struct zi_topic *topic);

/* The generation of that number in which this handle holds slots, or NULL. */
struct zi_generation *zi_shape_find(const struct zi_topic *topic, unsigned number);

/* Return a slot's memory to the file system; the caller holds it loaned. Returns bytes. */
size_t zi_shape_punch(const struct zi_generation *generation, unsigned slot);

#endif
