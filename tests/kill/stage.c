/* SPDX-License-Identifier: Apache-2.0 */
/* Numbers and contents of a trial's frames, in memory that all its processes share. */
#include "stage.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

struct stage *stage;

void stage_make(void)
{
	stage = mmap(NULL, sizeof(*stage), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (stage == MAP_FAILED) {
		perror("kill: no memory");
		exit(2);
	}
	const char *patience = getenv("KILL_PATIENCE_MS");

	stage->patience_ms = patience ? (unsigned)atoi(patience) : 60000;
}

void stage_clear(void)
{
	atomic_store(&stage->failed, 0);
	stage->failure[0] = '\0';
	atomic_store(&stage->victim, 0);
	atomic_store(&stage->quarantined, 0);
	atomic_store(&stage->waiter_next, 0);
	for (unsigned i = 0; i < SEQ_MAX && (stage->published[i] || stage->seen[i] || i < 64); i++)
		stage->published[i] = stage->seen[i] = 0;
}

static void note_failure(const char *format, va_list args)
{
	if (atomic_fetch_add(&stage->failed, 1) == 0)
		vsnprintf(stage->failure, sizeof(stage->failure), format, args);
}

void stage_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note_failure(format, args);
	va_end(args);
}

_Noreturn void party_fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	note_failure(format, args);
	va_end(args);
	_exit(1);
}

static uint64_t mix(uint64_t x)
{
	/* splitmix64 (Steele, Lea, Flood 2014) */
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

void loan_fill(struct zoe_loan *loan, uint64_t identity)
{
	uint64_t *word = loan->data;

	loan->size = stage->options.slot_bytes;
	word[0] = identity;
	for (size_t i = 1; i < loan->size / sizeof(*word); i++)
		word[i] = mix(identity << 16 ^ i);
}

static bool intact(const uint64_t *word, size_t size)
{
	if (size != stage->options.slot_bytes)
		return false;
	for (size_t i = 1; i < size / sizeof(*word); i++) {
		if (word[i] != mix(word[0] << 16 ^ i))
			return false;
	}
	return true;
}

bool loan_intact(const struct zoe_loan *loan, uint64_t identity)
{
	const uint64_t *word = loan->data;

	return intact(word, loan->size) && word[0] == identity;
}

void frame_check(const struct zoe_frame *frame, const char *who)
{
	const uint64_t *word = frame->data;
	unsigned long long before = 0;

	if (!intact(word, frame->size))
		party_fail("%s: TORN frame %" PRIu64 " in slot %u, %zu bytes", who, frame->seq, frame->slot,
		           frame->size);
	if (frame->seq >= SEQ_MAX)
		party_fail("%s: frame number %" PRIu64 " was never reached", who, frame->seq);
	if (!atomic_compare_exchange_strong(&stage->seen[frame->seq], &before, word[0]) && before != word[0])
		party_fail("%s: frame %" PRIu64 " is %#" PRIx64 " here and was %#llx for somebody else", who,
		           frame->seq, word[0], before);
}

void published(uint64_t seq, uint64_t identity, const char *who)
{
	unsigned long long before = 0;

	if (seq >= SEQ_MAX)
		party_fail("%s: number %" PRIu64 " given to a frame", who, seq);
	if (!atomic_compare_exchange_strong(&stage->published[seq], &before, identity))
		party_fail("%s: number %" PRIu64 " given twice, to %#llx and %#" PRIx64, who, seq, before, identity);
}

void numbers_check(uint64_t next, unsigned unknown)
{
	for (uint64_t seq = 0; seq < SEQ_MAX; seq++) {
		uint64_t told = stage->published[seq], seen = stage->seen[seq], by = (told ? told : seen) >> 32;

		if (seq >= next && (told || seen))
			stage_fail("frame %" PRIu64 " was published, but the topic's next number is %" PRIu64, seq,
			           next);
		if (seq >= next)
			continue;
		if (told && seen && told != seen)
			stage_fail("frame %" PRIu64 " was published as %#" PRIx64 " and taken as %#" PRIx64, seq, told,
			           seen);
		if (!told && unknown == 0)
			stage_fail("number %" PRIu64 " of %" PRIu64 " is a hole: nobody published it", seq, next);
		if (!told && unknown > 0)
			unknown--;
		if (!told && by && by != VICTIM && by != DEAD)
			stage_fail("frame %" PRIu64 " is of a living publisher that does not know of it", seq);
	}
}
