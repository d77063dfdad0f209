/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Change of shape. The successor is complete before the old generation is closed; once it is there nobody replaces it,
 * and no lock is held while closing: a killed or stopped party is overtaken by whoever comes next.
 */
#include "shape.h"
#include "alive.h"
#include "error.h"
#include "repair.h"
#include "ring.h"
#include "topic.h"
#include "wait.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Looks at the folders in a row that may be overtaken by others who remove them. */
#define ROUNDS_MAX 100

/* ---- which generations are there ---------------------------------------------------------------------------- */

/* Number of a generation's folder, or 0. */
static unsigned number_of(const char *name)
{
	char *end;
	unsigned long number = strtoul(name, &end, 10);

	return name[0] >= '1' && name[0] <= '9' && *end == '\0' && number < UINT32_MAX ? (unsigned)number : 0;
}

static int cannot_look(const struct zi_topic *topic, int status)
{
	return zi_fail(status, "cannot look for the generations of topic %s: %s", topic->name, strerror(-status));
}

/* The lowest number above `above` or, if newest, the highest below `below`; 0 = none. */
static int find_number(const struct zi_topic *topic, unsigned above, unsigned below, bool newest, unsigned *out)
{
	zi_autoclose int fd = openat(topic->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	unsigned best = 0;

	if (!dir)
		return cannot_look(topic, -errno);
	zi_steal_fd(&fd); /* the directory's now */
	errno = 0;
	for (struct dirent *entry = readdir(dir); entry; errno = 0, entry = readdir(dir)) {
		unsigned number = number_of(entry->d_name);

		if (number > above && number < below && (best == 0 || (number > best) == newest))
			best = number;
	}
	int status = -errno;

	closedir(dir);
	if (status < 0)
		return cannot_look(topic, status);
	*out = best;
	return 0;
}

static int open_number(const struct zi_topic *topic, unsigned number, bool writable, struct zi_generation **out)
{
	char name[16];

	snprintf(name, sizeof(name), "%u", number);
	zi_autoclose int fd = openat(topic->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return errno == ENOENT ? -ENOENT : zi_open_failed("generation %u of topic %s", number, topic->name);
	return zi_generation_open(fd, topic->name, number, writable, out);
}

int zi_shape_newest(const struct zi_topic *topic, bool writable, struct zi_generation **out)
{
	struct zi_generation *g;
	unsigned below = UINT32_MAX;

	for (unsigned round = 0; round < ROUNDS_MAX; round++) {
		unsigned number = 0;
		int status = find_number(topic, 0, below, true, &number);

		if (status < 0)
			return status;
		status = number ? open_number(topic, number, writable, &g) : -ENOENT;
		if (status == 0 && zi_ring_begun(g)) {
			*out = g;
			return 0;
		}
		if (status == 0)
			zi_generation_close(g);
		else if (status != -ENOENT)
			return status;
		/* no first number yet: the one before it; none left or gone meanwhile: begin again at the top */
		below = status == 0 ? number : UINT32_MAX;
	}
	return zi_fail(-EBADMSG, "topic %s is damaged: no generation; run zoetrope clean", topic->name);
}

int zi_shape_after(const struct zi_topic *topic, unsigned above, bool writable, struct zi_generation **out)
{
	for (;;) {
		int status = find_number(topic, above, UINT32_MAX, false, &above);

		if (status < 0)
			return status;
		status = above ? open_number(topic, above, writable, out) : -ENOENT;
		if (above == 0 || status != -ENOENT)
			return status;
		/* a folder that was emptied: that generation was given up, look above it */
	}
}

/* Has a later generation the depth newest frames, so that nothing that is promised is in this one? */
static bool superseded(const struct zi_generation *g, const struct zi_generation *later)
{
	return zi_ring_end(later) >= zi_ring_end(g) + later->shape.depth;
}

/* By any of those after it: who gives it up may be in another than the newest. */
static bool superseded_by_any(const struct zi_topic *topic, const struct zi_generation *g)
{
	struct zi_generation *later;
	unsigned above = g->shape.generation;
	bool is = false;

	while (!is && zi_shape_after(topic, above, false, &later) == 0) {
		is = superseded(g, later);
		above = later->shape.generation;
		zi_generation_close(later);
	}
	return is;
}

int zi_shape_oldest(const struct zi_topic *topic, struct zi_generation **out)
{
	struct zi_generation *g;
	unsigned above = 0;
	int status;

	while ((status = zi_shape_after(topic, above, false, &g)) == 0) {
		if (!superseded_by_any(topic, g)) { /* S7: another may be about to give it up */
			*out = g;
			return 0;
		}
		above = g->shape.generation;
		zi_generation_close(g);
	}
	return status;
}

/* ---- what shape --------------------------------------------------------------------------------------------- */

static uint32_t larger(uint32_t a, uint32_t b)
{
	return a > b ? a : b;
}

struct zi_shape zi_shape_merge(const struct zi_shape *old, const struct zi_shape *wanted)
{
	struct zi_shape s = *old;

	if (wanted->slot_bytes > s.slot_bytes)
		s.slot_bytes = wanted->slot_bytes;
	if (wanted->depth)
		s.depth = wanted->depth;
	s.publishers = larger(s.publishers, wanted->publishers);
	s.subscribers = larger(s.subscribers, wanted->subscribers);
	s.pins = larger(s.pins, wanted->pins);
	s.loans = larger(s.loans, wanted->loans);
	s.keeps = larger(s.keeps, wanted->keeps);
	s.quarantine_ms = larger(s.quarantine_ms, wanted->quarantine_ms);
	s.flags |= wanted->flags;
	s.slots = (uint32_t)zi_slots_needed(&s);
	s.generation = old->generation + 1;
	return s;
}

bool zi_shape_suffices(const struct zi_shape *has, const struct zi_shape *w)
{
	return w->slot_bytes <= has->slot_bytes && (w->depth == 0 || w->depth == has->depth) &&
	       w->publishers <= has->publishers && w->subscribers <= has->subscribers && w->pins <= has->pins &&
	       w->loans <= has->loans && w->keeps <= has->keeps && w->quarantine_ms <= has->quarantine_ms &&
	       (w->flags & ~has->flags) == 0;
}

/* ---- going over --------------------------------------------------------------------------------------------- */

/* The name under which a publisher makes a successor. */
static void temporary_name(unsigned publisher, char out[16])
{
	snprintf(out, 16, ".new-%u", publisher);
}

void zi_shape_forget_half_made(const struct zi_topic *topic, unsigned publisher)
{
	char temporary[16];

	temporary_name(publisher, temporary);
	zi_topic_remove_tree(topic->fd, temporary);
}

/* S1: make the successor completely under a name of our own, then rename it under its number. */
static int make_successor(const struct zi_topic *topic, const struct zi_shape *shape, unsigned publisher)
{
	const struct zi_modes *modes = zi_topic_modes(topic);
	char temporary[16], name[16];
	int status;

	temporary_name(publisher, temporary);
	snprintf(name, sizeof(name), "%u", shape->generation);
	zi_shape_forget_half_made(topic, publisher); /* of a try that failed, and could not even remove it */
	status = zi_topic_make_directory(topic->fd, temporary, modes->directory);
	if (status < 0)
		return status;
	zi_autoclose int fd = openat(topic->fd, temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		status = zi_open_failed("a new generation of topic %s", topic->name);
	else
		status = zi_generation_create(fd, shape, ZI_UNSET, modes->file);
	/* S1: rename. EEXIST: somebody else's is the successor */
	if (status == 0 && renameat2(topic->fd, temporary, topic->fd, name, RENAME_NOREPLACE) < 0 && errno != EEXIST)
		status = zi_fail(-errno, "cannot put generation %s of topic %s in place: %s", name, topic->name,
		                 strerror(errno));
	zi_shape_forget_half_made(topic, publisher);
	return status;
}

static int successor(const struct zi_topic *topic, const struct zi_shape *wanted, unsigned publisher,
                     struct zi_generation **out)
{
	const struct zi_shape *now = &topic->generation->shape;
	int status = zi_shape_after(topic, now->generation, true, out); /* S1: find */

	if (status != -ENOENT)
		return status;
	if (!wanted)
		return zi_fail(-EBADMSG,
		               "topic %s is damaged: generation %u is closed and has no successor; run zoetrope clean",
		               topic->name, now->generation);
	struct zi_shape shape = zi_shape_merge(now, wanted);

	status = make_successor(topic, &shape, publisher);
	if (status == 0)
		status = zi_shape_after(topic, now->generation, true, out);
	return status == -ENOENT
	           ? zi_fail(-EBADMSG, "topic %s: its new generation is gone; run zoetrope clean", topic->name)
	           : status;
}

/* Be seen in the generation that topic now has. An earlier owner of our record may have been there, and died. */
static void enter(const struct zi_topic *topic, unsigned publisher)
{
	struct zi_index *index = topic->generation->index;
	struct zi_publisher *to = &index->publishers[publisher];
	const struct zi_publisher *from = &topic->generation->older->index->publishers[publisher];

	if (atomic_load(&index->in_use) >> publisher & 1)
		zi_repair_publisher(topic, publisher);
	atomic_store(&to->published, atomic_load(&from->published));
	atomic_store(&to->waits, atomic_load(&from->waits));
	atomic_store(&to->repairs, atomic_load(&from->repairs));
	atomic_store(&to->pid, atomic_load(&from->pid));
	atomic_fetch_or(&index->in_use, 1ull << publisher); /* S6: in use there, before the first loan */
}

int zi_shape_go_over(struct zi_topic *topic, const struct zi_shape *wanted, struct zi_patience *patience)
{
	struct zi_generation *old = topic->generation, *new;
	uint64_t unset = ZI_UNSET;
	struct zi_published closed;
	int status = successor(topic, wanted, patience->publisher, &new); /* S1 */

	if (status < 0)
		return status;
	while (!(atomic_load(&old->index->head) & ZI_CLOSED)) {
		status = zi_ring_publish(old, patience->publisher, ZI_SLOT_CLOSED, zi_lossless_gate, patience,
		                         &closed); /* S2, S3 */
		if (status < 0 && status != -ESTALE) {
			zi_generation_close(new);
			return status;
		}
	}
	zi_wake(&old->index->head); /* S4: wake, all sleepers of the old one */
	/* S5: its first number. It fails if somebody else wrote it, or if we found a later one that has begun long
	 * since */
	atomic_compare_exchange_strong(&new->index->head, &unset, zi_ring_end(old));
	new->older = old;
	topic->generation = new;
	enter(topic, patience->publisher);
	return 0;
}

/* ---- giving up ---------------------------------------------------------------------------------------------- */

/*
 * The files of a generation go, index first, so that nobody opens half of it. Its folder stays: a publisher that was
 * stopped just before it put its successor in place under this number must find the number taken when it goes on.
 */
static void remove_files(const struct zi_topic *topic, unsigned number)
{
	char path[32];

	snprintf(path, sizeof(path), "%u/index", number);
	unlinkat(topic->fd, path, 0);
	snprintf(path, sizeof(path), "%u/frames", number);
	unlinkat(topic->fd, path, 0);
}

/* What is left of a generation that was given up. Its number is free again when nobody can be on the way there. */
static void forget(const struct zi_topic *topic, unsigned number, bool alone)
{
	char name[16];

	remove_files(topic, number); /* who gave it up may have been killed before it was done */
	snprintf(name, sizeof(name), "%u", number);
	if (alone)
		unlinkat(topic->fd, name, AT_REMOVEDIR); /* S8: the number is free again */
}

int zi_shape_adopt_older(struct zi_topic *topic)
{
	const bool alone = !zi_alive_any(topic->writers_fd, 0, ZI_PUBLISHERS_MAX); /* S8: is any publisher alive */
	struct zi_generation **end = &topic->generation->older, *g;
	unsigned number = topic->generation->shape.generation;
	int status;

	while ((status = find_number(topic, 0, number, true, &number)) == 0 && number) {
		status = open_number(topic, number, true, &g);
		if (status == -ENOENT) {
			forget(topic, number, alone);
			continue;
		}
		if (status < 0)
			return status;
		*end = g;
		end = &g->older;
	}
	return status;
}

size_t zi_shape_punch(const struct zi_generation *g, unsigned slot)
{
	off_t offset = (off_t)((uint64_t)slot * g->places.slot_stride);

	if (g->places.inline_descriptions || !atomic_load(&g->reserved[slot]))
		return 0;
	atomic_store(&g->reserved[slot], 0); /* L5: no longer */
	return fallocate(g->frames_fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, offset,
	                 (off_t)g->places.slot_stride) == 0
	           ? g->places.slot_stride
	           : 0;
}

/* S7: a stopped subscriber then holds what it has pinned of the old generation, not all of it. */
static void retire(const struct zi_topic *topic, struct zi_generation *g, unsigned publisher)
{
	unsigned slot;

	g->retired = true;
	zi_ring_retire(g);
	while (zi_slot_claim(g, topic->readers, publisher, &(struct zi_search){.looks = g->shape.slots, .wanted = 1},
	                     &slot) == 1)
		zi_shape_punch(g, slot);
	remove_files(topic, g->shape.generation);
}

static bool may_retire(const struct zi_topic *topic, const struct zi_generation *g)
{
	return superseded(g, topic->generation) && !zi_lossless_below(topic, zi_ring_end(g));
}

void zi_shape_retire_older(struct zi_topic *topic, unsigned publisher)
{
	for (struct zi_generation *g = topic->generation->older; g; g = g->older) {
		if (!g->retired && may_retire(topic, g))
			retire(topic, g, publisher);
	}
	for (struct zi_generation **at = &topic->generation->older; *at;) {
		struct zi_generation *g = *at;

		if (!g->retired || g->held) {
			at = &g->older;
			continue;
		}
		*at = g->older;
		zi_generation_close(g);
	}
}

void zi_shape_drop_older(struct zi_topic *topic)
{
	for (struct zi_generation **at = &topic->generation->older; *at;) {
		struct zi_generation *g = *at;

		if (g->held) {
			at = &g->older;
			continue;
		}
		*at = g->older;
		zi_generation_close(g);
	}
}

struct zi_generation *zi_shape_find(const struct zi_topic *topic, unsigned number)
{
	struct zi_generation *g = topic->generation;

	while (g && g->shape.generation != number)
		g = g->older;
	return g;
}
