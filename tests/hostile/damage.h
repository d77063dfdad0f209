/* SPDX-License-Identifier: Apache-2.0 */
/* Damage for the files of a topic: random bytes, and words that mean something in them. */
#ifndef ZOETROPE_HOSTILE_DAMAGE_H
#define ZOETROPE_HOSTILE_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

#define DAMAGE_FILES_MAX 16

/* One file of the topic, mapped writable. */
struct damage_file {
	char path[256]; /* below the domain */
	uint8_t *bytes;
	size_t size;
};

struct damage {
	uint64_t random; /* state of the generator, never 0 */
	struct damage_file files[DAMAGE_FILES_MAX];
	unsigned count;
};

uint64_t damage_random(struct damage *d);
/* 0..below-1 */
uint64_t damage_pick(struct damage *d, uint64_t below);

/* Map all files below the domain that are not empty; what was mapped before is let go. */
void damage_find(struct damage *d, const char *domain);
void damage_forget(struct damage *d);

/* Change one place in one file. */
void damage_once(struct damage *d);

#endif
