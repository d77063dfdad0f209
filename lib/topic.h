/* SPDX-License-Identifier: Apache-2.0 */
/* A topic's directory: names, open, create in a temporary directory and rename into place, remove when all are gone. */
#ifndef ZI_TOPIC_H
#define ZI_TOPIC_H

#include "shm.h"

/* How long joining waits for another one's join. */
#define ZI_JOIN_TIMEOUT_NS 2000000000

struct zoe_domain {
	char *path;
	int fd;
	struct zi_modes modes;
};

/* Directory name of a topic ('/' becomes '.'). Returns 0 | -EINVAL with a sentence. */
int zi_topic_directory(const char *topic, char out[ZOE_TOPIC_NAME_MAX + 1]);

/*
 * Open and map a topic. writable: as a publisher. Returns 0 | -ENOENT (quiet) | -EBADMSG | -EACCES | -errno.
 * A half-made topic is never seen: it has another name until it is complete.
 */
int zi_topic_open(struct zoe_domain *domain, const char *topic, bool writable, struct zi_topic *out);
void zi_topic_close(struct zi_topic *topic);

/* Is the open topic still the one under its name? Asked after locking, since a lock on a removed file guards nothing.
 */
bool zi_topic_current(const struct zi_topic *topic);

/* Has the topic a living participant? */
bool zi_topic_alive(const struct zi_topic *topic);

/*
 * Make a topic of that shape under a temporary name, open it as a publisher and take publisher byte 0 for the caller.
 * zi_topic_settle() renames it into place: 0 | -EEXIST (somebody was faster; the temporary one is gone). Either way
 * out is closed by zi_topic_close().
 */
int zi_topic_make(struct zoe_domain *domain, const char *topic, const struct zi_shape *shape, struct zi_topic *out,
                  void **out_lock);
int zi_topic_settle(struct zi_topic *topic);

/* Remove the topic if nobody alive is in it. Returns 1 removed | 0 somebody is there or it is not there | -errno. */
int zi_topic_remove_stale(struct zoe_domain *domain, const char *directory, int64_t timeout_ns);

/* Remove half-made and half-removed topics whose maker is dead. Returns how many. */
int zi_topic_sweep(struct zoe_domain *domain);

/* Modes of the topic's domain. */
const struct zi_modes *zi_topic_modes(const struct zi_topic *topic);

/* Make a directory with exactly that mode; remove one and what is in it (three deep, quietly). */
int zi_topic_make_directory(int parent, const char *name, mode_t mode);
void zi_topic_remove_tree(int parent, const char *name);

#endif
