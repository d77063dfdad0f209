/* SPDX-License-Identifier: Apache-2.0 */
/* Victims that find their topic damaged: each of its words and files that the library checks. */
#include "acts.h"
#include "damage.h"
#include "party.h"

#include "lib/layout.h"

#include <errno.h>
#include <string.h>

#define INDEX "1/index"
#define WORDS (stage->options.depth + 1)

static uint64_t at_ring(uint64_t seq)
{
	return sizeof(struct zi_index) + seq % WORDS * sizeof(uint64_t);
}

static uint64_t at_states(void)
{
	return (at_ring(WORDS - 1) + sizeof(uint64_t) + ZI_LINE - 1) / ZI_LINE * ZI_LINE;
}

static uint64_t head(void)
{
	return damage_read(INDEX, offsetof(struct zi_index, head));
}

static void must_be(int found, int wanted, const char *what)
{
	if (found != wanted && !stage->call_fails)
		party_fail("victim: %s: %d, not %d: %s", what, found, wanted, zoe_error());
}

/* ---- joining ------------------------------------------------------------------------------------------------- */

static void must_not_open(struct victim *v, const char *what)
{
	must_be(zoe_subscriber_open(v->domain, TOPIC, NULL, &v->sub), -EBADMSG, what);
	must_be(zoe_publisher_open(v->domain, TOPIC, &stage->options, &v->pub), -EBADMSG, what);
	damage_undo();
}

/* Two words of 32 bits, as they lie in memory. */
static uint64_t pair(uint32_t first, uint32_t second)
{
	return (uint64_t)second << 32 | first;
}

void do_open_damaged_header(struct victim *v)
{
	const uint64_t abi = offsetof(struct zi_header, abi), shape = offsetof(struct zi_index, shape);

	damage_word(INDEX, 0, __builtin_bswap64(ZI_MAGIC));
	must_not_open(v, "other byte order");
	damage_word(INDEX, 0, 0);
	must_not_open(v, "no magic");
	damage_word(INDEX, abi, pair(ZI_ABI + 1, ZI_BYTE_ORDER));
	must_not_open(v, "another layout");
	damage_word(INDEX, abi, pair(ZI_ABI, 7));
	must_not_open(v, "no byte order");
	damage_word(INDEX, shape + offsetof(struct zi_shape, depth), 0);
	must_not_open(v, "no depth");
	damage_word(INDEX, shape, UINT64_MAX);
	must_not_open(v, "slots beyond all memory");
}

void do_open_damaged_files(struct victim *v)
{
	damage_size(INDEX);
	must_not_open(v, "a longer index");
	damage_place("1/frames", BY_LINK);
	must_not_open(v, "frames that are a link");
	damage_place("1/frames", BY_FILE);
	must_not_open(v, "frames that are empty");
	damage_place("readers", BY_NOTHING);
	must_not_open(v, "no readers");
	damage_place("writers", BY_LINK);
	must_not_open(v, "writers that are a link");
}

void do_open_no_generation(struct victim *v)
{
	damage_place("1", BY_NOTHING);
	must_not_open(v, "no generation");
}

/* ---- taking -------------------------------------------------------------------------------------------------- */

static void must_not_take(struct victim *v, int wanted, const char *what)
{
	must_be(zoe_take_next(v->sub, 0, &v->frame), wanted, what);
	damage_undo();
}

/* Two frames are there to take, the newest is head - 1. */
void do_take_damaged(struct victim *v)
{
	const uint64_t seq = head() - 2, word = damage_read(INDEX, at_ring(seq));
	const uint64_t stride = (sizeof(struct zi_description) + stage->options.slot_bytes + 127) / 128 * 128;

	damage_word(INDEX, at_ring(seq), seq << 16 | 0xfff0);
	must_not_take(v, -EBADMSG, "a slot beyond the last");
	damage_word("1/frames", (word & 0xffff) * stride + offsetof(struct zi_description, seq), seq + 1);
	must_not_take(v, -EBADMSG, "a slot that names another frame");
	v->status = zoe_take_next(v->sub, 0, &v->frame);
}

/* Words at which a take that believed them would go round for ever. */
void do_take_for_ever(struct victim *v)
{
	const uint64_t newest = head() - 1;

	damage_word(INDEX, at_ring(newest - 1), (newest - 1) << 16 | ZI_SLOT_CLOSED);
	must_not_take(v, -EBADMSG, "closed, and goes on");
	damage_word(INDEX, at_ring(newest), (newest + WORDS) << 16);
	must_be(zoe_take_latest(v->sub, 0, &v->frame), -EBADMSG, "the newest is overrun");
	damage_undo();
	v->status = zoe_take_next(v->sub, 0, &v->frame);
}

/* What the group wants is not there, nor anything after it: they are counted as lost. */
void do_take_nothing_left(struct victim *v)
{
	const uint64_t seq = head() - 2;

	damage_word(INDEX, at_ring(seq), ZI_EMPTY);
	damage_word(INDEX, at_ring(seq + 1), ZI_EMPTY);
	must_not_take(v, -EAGAIN, "nothing is left");
}

/* Its swap of the cursor failed a thousand times, though the cursor is what it was. */
void check_stuck(struct victim *v)
{
	if (stage->swap_fails)
		must_be(v->status, -EBADMSG, "a cursor that goes back again and again");
	else
		check_taken(v);
}

/* ---- publishing: alone, because a publish that fails wakes everybody ------------------------------------------- */

static void must_not_publish(struct victim *v, int wanted, const char *what)
{
	must_be(zoe_publish(v->pub, &v->loan, &v->seq), wanted, what);
	damage_undo();
}

void do_publish_damaged(struct victim *v)
{
	const uint64_t next = head();

	damage_word(INDEX, offsetof(struct zi_index, head), 1ull << 48);
	must_not_publish(v, -EOVERFLOW, "no number left");
	damage_word(INDEX, at_ring(next), (next - 1) << 16);
	must_not_publish(v, -EBADMSG, "another number where the next one comes");
	damage_word(INDEX, at_ring(next), (next + 9) << 16);
	must_not_publish(v, -EBADMSG, "head does not move");
	v->status = zoe_publish(v->pub, &v->loan, &v->seq);
}

/* All slots are in the hands of somebody who is not there. */
void do_loan_damaged(struct victim *v)
{
	uint64_t states[60];
	unsigned slots = (unsigned)(damage_read(INDEX, offsetof(struct zi_index, shape.depth)) >> 32);

	if (slots > 60)
		party_fail("victim: %u slots", slots);
	for (unsigned i = 0; i < slots; i++)
		states[i] = 15u << 3 | ZI_LOANED;
	damage_bytes(INDEX, at_states(), states, slots * sizeof(states[0]));
	must_be(zoe_loan(v->pub, 1, &v->loan), -EBADMSG, "no slot");
	damage_undo();
}

/* ---- changes of shape ---------------------------------------------------------------------------------------- */

/* An earlier owner of our record went over and died there. */
void with_record_left_behind(struct victim *v)
{
	const uint64_t in_use = offsetof(struct zi_index, in_use);

	with_publisher_left_behind(v);
	damage_word("2/index", in_use, damage_read("2/index", in_use) | 2);
	damage_for_good();
}

/* The next shape is smaller: files have the same size. */
void with_loan_too_large(struct victim *v)
{
	struct zoe_topic_options options = stage->options;
	struct zoe_publisher *pub;

	with_loan(v);
	options.slot_bytes += 64;
	if (zoe_publisher_open(v->domain, TOPIC, &options, &pub) < 0)
		party_fail("victim: the topic does not grow: %s", zoe_error());
	publish_frame(pub, v->who, ++v->count, 0, "victim");
	zoe_publisher_close(pub);
	damage_word("2/index", offsetof(struct zi_index, shape), options.slot_bytes - 120);
}

void do_publish_too_large(struct victim *v)
{
	must_be(zoe_publish(v->pub, &v->loan, &v->seq), -ESTALE, "a frame larger than the slots");
}

/* The generation after the closed one is gone. */
void do_loan_no_successor(struct victim *v)
{
	damage_place("2", BY_NOTHING);
	must_be(zoe_loan(v->pub, 1, &v->loan), -EBADMSG, "no generation after a closed one");
	damage_undo();
}

/* ---- descriptors --------------------------------------------------------------------------------------------- */

/* Records of subscribers before ours: those of the neighbour, the second one polls, and the waiter's. */
void do_fd_no_fifo(struct victim *v)
{
	damage_make("wake/3", A_FILE);
	must_be(zoe_subscriber_fd(v->sub), -EBADMSG, "a descriptor of what is no FIFO");
	damage_undo();
	v->status = zoe_subscriber_fd(v->sub);
}

void with_loan_and_no_fifo(struct victim *v)
{
	with_loan(v);
	damage_place("wake/1", BY_NOTHING);
}

void with_loan_and_wrong_fifo(struct victim *v)
{
	with_loan(v);
	damage_place("wake/1", BY_FILE);
}

/* A directory that is none of ours. */
void with_foreign_directory(struct victim *v)
{
	(void)v;
	damage_make("../foreign", A_DIRECTORY);
}
