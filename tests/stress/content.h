/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames that can be checked: every word depends on who published it, its count and its place, and the head has the sum
 * of them all. A frame that is put together from two is noticed wherever the seam lies.
 */
#ifndef ZOETROPE_STRESS_CONTENT_H
#define ZOETROPE_STRESS_CONTENT_H

#include "zoetrope.h"

#include <stdbool.h>

struct head {
	uint64_t publisher;
	uint64_t count; /* of this publisher, from 1 */
	uint64_t words; /* that follow */
	uint64_t sum;
};

static inline uint64_t mix(uint64_t x)
{
	/* splitmix64 (Steele, Lea, Flood 2014) */
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

/* Bytes of a frame with that many words. */
static inline size_t content_bytes(uint64_t words)
{
	return sizeof(struct head) + words * sizeof(uint64_t);
}

static inline void content_fill(void *data, uint64_t publisher, uint64_t count, uint64_t words)
{
	struct head *head = data;
	uint64_t *word = (uint64_t *)(head + 1), sum = 0;

	for (uint64_t i = 0; i < words; i++) {
		word[i] = mix(publisher << 56 ^ count << 16 ^ i);
		sum += word[i];
	}
	*head = (struct head){.publisher = publisher, .count = count, .words = words, .sum = sum};
}

static inline bool content_intact(const void *data, size_t size)
{
	const struct head *head = data;
	const uint64_t *word = (const uint64_t *)(head + 1);
	uint64_t sum = 0;

	if (size < sizeof(*head) || head->words != (size - sizeof(*head)) / sizeof(*word) ||
	    size != content_bytes(head->words))
		return false;
	for (uint64_t i = 0; i < head->words; i++) {
		if (word[i] != mix(head->publisher << 56 ^ head->count << 16 ^ i))
			return false;
		sum += word[i];
	}
	return sum == head->sum;
}

#endif
