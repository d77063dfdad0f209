/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files and mappings of one topic: where things lie, make, open, check, map, reserve. Relies on layout.h only; what it
 * hands out has been checked against the sizes of the files.
 */
#ifndef ZI_SHM_H
#define ZI_SHM_H

#include "layout.h"
#include "zoetrope.h"

#include <stdbool.h>
#include <sys/types.h>

/* Small slots that a publisher claims in one scan, beside its loans. */
#define ZI_BATCH 4u

/* Where the parts of a generation lie; computed from its shape by maker and opener alike, never read from a file. */
struct zi_places {
	size_t ring, state, reserved, descriptions; /* offsets in index; descriptions unused if inline */
	size_t index_bytes;
	bool inline_descriptions; /* a description lies directly before each payload */
	size_t slot_stride;       /* bytes from one slot to the next in frames */
	size_t frames_bytes;
};

/* Returns 0 | -EINVAL (a count is out of range, or slots do not suffice for the budgets). */
int zi_places(const struct zi_shape *shape, struct zi_places *out);

/* Slots that the budgets need: the ring's depth + 1 words, and every loan, keep and pin that may be held at once. */
uint64_t zi_slots_needed(const struct zi_shape *shape);

/*
 * One generation of a topic, mapped. shape and places are local copies that have been checked. A handle has its current
 * one and, by `older`, those in which it still holds slots or which are not given up yet.
 */
struct zi_generation {
	struct zi_shape shape;
	struct zi_places places;
	uint64_t ring_inverse;     /* 2^64 / (depth + 1), rounded up: a division is dear on the hot path */
	struct zi_index *index;    /* read-only for subscribers */
	uint8_t *frames;           /* read-only for subscribers */
	_Atomic uint64_t *ring;    /* [depth + 1] */
	_Atomic uint64_t *state;   /* [slots] */
	_Atomic uint8_t *reserved; /* [slots] */
	uint8_t *descriptions;     /* first one; the next is description_stride further */
	size_t description_stride;
	uint8_t *payloads; /* first one; the next is places.slot_stride further */
	int frames_fd;     /* to reserve with; -1 for subscribers */
	unsigned held;     /* by this handle: loans and keeps, or pins */
	bool retired;
	struct zi_generation *older;
};

/* Modes of a domain: one user, or one group if its directory is setgid. */
struct zi_modes {
	mode_t directory, file, sticky;
};

/*
 * A topic's directory and files, open. Made by topic.c.
 * writers_fd and readers_fd carry join locks and ask for lock bytes; they never hold one.
 */
struct zi_topic {
	char name[ZOE_TOPIC_NAME_MAX + 1];
	char temporary[32]; /* its directory's name until it is in place, else "" */
	struct zoe_domain *domain;
	int fd; /* the directory */
	int readers_fd;
	int writers_fd; /* -1 if it may not be written (subscribers need not) */
	struct zi_readers *readers;
	struct zi_generation *generation; /* the current one */
};

/* Offset of a file's size is checked; map.c maps. Returns 0 | -EBADMSG | -ENOMEM | -errno. */
int zi_map(int fd, size_t bytes, bool writable, const char *what, void **out);
void zi_unmap(void *map, size_t bytes);

/* Make a file of that size with its memory reserved. Returns the descriptor | -ENOSPC with numbers | -errno. */
int zi_file_create(int directory, const char *name, size_t bytes, bool reserve, mode_t mode);

/* Reserve bytes of an open file; -ENOSPC says how much was needed, how much is there, what to do. */
int zi_reserve(int fd, off_t offset, size_t bytes, const char *what);

/* Make the files of a generation below directory (index, frames). head: its first number, or ZI_UNSET. */
int zi_generation_create(int directory, const struct zi_shape *shape, uint64_t head, mode_t file_mode);

/* Open and map the generation in directory, which must be number `number`. writable: as a publisher does. */
int zi_generation_open(int directory, const char *topic, unsigned number, bool writable, struct zi_generation **out);
/* This one; NULL is fine. */
void zi_generation_close(struct zi_generation *generation);

/* Make `readers`; map it after checking. */
int zi_readers_create(int directory, mode_t file_mode);
int zi_readers_map(int fd, const char *topic, bool writable, struct zi_readers **out);

static inline struct zi_description *zi_description(const struct zi_generation *g, unsigned slot)
{
	return (struct zi_description *)(g->descriptions + (size_t)slot * g->description_stride);
}

static inline uint8_t *zi_payload(const struct zi_generation *g, unsigned slot)
{
	return g->payloads + (size_t)slot * g->places.slot_stride;
}

#endif
