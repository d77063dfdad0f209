/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every struct that lies in shared memory, and nothing else. Fixed-width members, every offset asserted.
 * Publisher-written and subscriber-written words never share a line; each record has lines of its own.
 * docs/transport.md "Layout" says which file holds what.
 */
#ifndef ZI_LAYOUT_H
#define ZI_LAYOUT_H

#include <assert.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#define ZI_MAGIC      0x45504f5254454f5aull /* "ZOETROPE" on a little-endian machine */
#define ZI_ABI        2u
#define ZI_BYTE_ORDER 0x01020304u
#define ZI_LINE       64u
#define ZI_PAGE       4096u

#define ZI_PUBLISHERS_MAX  16u
#define ZI_SUBSCRIBERS_MAX 64u
#define ZI_GROUPS_MAX      16u
#define ZI_GROUP_NAME_MAX  39u
#define ZI_PINS_MAX        16u
#define ZI_KEEPS_MAX       32u
#define ZI_LOANS_MAX       32u
#define ZI_DEPTH_MAX       1024u
#define ZI_SLOTS_MAX       65000u
#define ZI_SLOT_BYTES_MAX  (1ull << 40)

/*
 * Ring word: sequence number in the upper 48 bits, slot in the lower 16. The empty word is all ones, because zero is
 * frame 0 in slot 0. A word of a generation that was given up is "retired": newer than any number, so that neither a
 * late publisher nor a late taker mistakes it. Slot 0xffff means "closed here": the next generation begins at this
 * number.
 */
#define ZI_EMPTY       UINT64_MAX
#define ZI_RETIRED     (UINT64_MAX - 1)
#define ZI_SLOT_CLOSED 0xffffu
#define ZI_SEQ_LAST    ((1ull << 48) - 3)

/* head: next sequence number; the top bit marks "closed"; all ones: this generation has no first number yet. */
#define ZI_CLOSED (1ull << 63)
#define ZI_UNSET  UINT64_MAX

/*
 * State word of a slot: kind in bits 0..2, publisher record in bits 3..15, sequence number in bits 16..63 (of a
 * quarantined slot: milliseconds of CLOCK_MONOTONIC at which it ends). Zero is free, so a new file is all free.
 */
enum zi_kind { ZI_FREE = 0, ZI_LOANED = 1, ZI_PENDING = 2, ZI_PUBLISHED = 3, ZI_QUARANTINED = 4 };

/* Pin word: generation in the upper half, slot in the lower. Generations count from 1, so zero is "no pin". */
/* Keep word: slot + 1; zero is "no keep". */

#define ZI_AT(type, member, offset) static_assert(offsetof(struct type, member) == (offset), "layout")
#define ZI_SIZE(type, size)         static_assert(sizeof(struct type) == (size), "layout")

/* Start of `readers` and of `index`: what an opener looks at first. */
struct zi_header {
	uint64_t magic;
	uint32_t abi;
	uint32_t byte_order;
};
ZI_SIZE(zi_header, 16);
ZI_AT(zi_header, magic, 0);
ZI_AT(zi_header, abi, 8);
ZI_AT(zi_header, byte_order, 12);

/* What one subscriber writes. Its pins are hazard pointers: a slot named there is not handed out. */
struct zi_subscriber {
	_Atomic uint64_t pins[ZI_PINS_MAX];
	_Atomic uint64_t cursor; /* next sequence number wanted; a lossless one holds publishers there */
	_Atomic uint64_t taken;
	_Atomic uint64_t lost;
	_Atomic uint64_t waits;
	_Atomic uint32_t quota; /* pins it may use */
	_Atomic uint32_t pid;   /* for people; liveness is the lock byte */
	_Atomic uint32_t group; /* record + 1; 0 = none */
	uint32_t pad0[3];
	_Atomic uint32_t wish_rate_mhz; /* frames a 1000 seconds; 0 = all */
	_Atomic uint32_t wish_format;
	_Atomic uint32_t wish_width;
	_Atomic uint32_t wish_height;
	_Atomic uint64_t wish_key_frames; /* how often it asked */
	uint64_t pad1[6];
};
ZI_SIZE(zi_subscriber, 4 * ZI_LINE);
ZI_AT(zi_subscriber, pins, 0);
ZI_AT(zi_subscriber, cursor, 128);
ZI_AT(zi_subscriber, taken, 136);
ZI_AT(zi_subscriber, lost, 144);
ZI_AT(zi_subscriber, waits, 152);
ZI_AT(zi_subscriber, quota, 160);
ZI_AT(zi_subscriber, pid, 164);
ZI_AT(zi_subscriber, group, 168);
ZI_AT(zi_subscriber, pad0, 172);
ZI_AT(zi_subscriber, wish_rate_mhz, 184);
ZI_AT(zi_subscriber, wish_format, 188);
ZI_AT(zi_subscriber, wish_width, 192);
ZI_AT(zi_subscriber, wish_height, 196);
ZI_AT(zi_subscriber, wish_key_frames, 200);
ZI_AT(zi_subscriber, pad1, 208);

/* Subscribers that share the work: one cursor for all. Members join under the readers' join lock. */
struct zi_group {
	_Atomic uint64_t cursor;
	_Atomic uint64_t lost;
	char name[ZI_GROUP_NAME_MAX + 1];
	uint64_t pad;
};
ZI_SIZE(zi_group, ZI_LINE);
ZI_AT(zi_group, cursor, 0);
ZI_AT(zi_group, lost, 8);
ZI_AT(zi_group, name, 16);
ZI_AT(zi_group, pad, 56);

/* The file `readers`: of the topic, all that subscribers write. Bit k of a word belongs to record k. */
struct zi_readers {
	struct zi_header header;
	uint64_t pad0[6];
	_Atomic uint64_t in_use;   /* set before a record's first pin */
	_Atomic uint64_t wide;     /* records that use more than one line of pins; set before in_use */
	_Atomic uint64_t lossless; /* records whose cursor holds publishers up; set before the cursor */
	_Atomic uint64_t joins;    /* of lossless subscribers so far; raised before the bit is set */
	uint64_t pad1[4];
	_Atomic uint64_t waiting; /* sleeps on the low half of head, or is about to */
	_Atomic uint64_t armed;   /* wants a byte in its FIFO */
	uint64_t pad2[6];
	_Atomic uint64_t blocked; /* written by publishers: bit p waits for a lossless cursor */
	uint64_t pad3[7];
	struct zi_group groups[ZI_GROUPS_MAX];
	struct zi_subscriber records[ZI_SUBSCRIBERS_MAX];
};
ZI_SIZE(zi_readers, 256 + 64 * ZI_GROUPS_MAX + 256 * ZI_SUBSCRIBERS_MAX);
ZI_AT(zi_readers, header, 0);
ZI_AT(zi_readers, pad0, 16);
ZI_AT(zi_readers, in_use, 64);
ZI_AT(zi_readers, wide, 72);
ZI_AT(zi_readers, lossless, 80);
ZI_AT(zi_readers, joins, 88);
ZI_AT(zi_readers, pad1, 96);
ZI_AT(zi_readers, waiting, 128);
ZI_AT(zi_readers, armed, 136);
ZI_AT(zi_readers, pad2, 144);
ZI_AT(zi_readers, blocked, 192);
ZI_AT(zi_readers, pad3, 200);
ZI_AT(zi_readers, groups, 256);
ZI_AT(zi_readers, records, 256 + 64 * ZI_GROUPS_MAX);

/* What one publisher writes. */
struct zi_publisher {
	_Atomic uint64_t keeps[ZI_KEEPS_MAX]; /* slots it goes on reading */
	_Atomic uint64_t published;
	_Atomic uint64_t waits;   /* for lossless subscribers */
	_Atomic uint64_t repairs; /* records of the dead that it cleared */
	_Atomic uint32_t pid;     /* for people; liveness is the lock byte */
	uint32_t pad[9];
};
ZI_SIZE(zi_publisher, 5 * ZI_LINE);
ZI_AT(zi_publisher, keeps, 0);
ZI_AT(zi_publisher, published, 256);
ZI_AT(zi_publisher, waits, 264);
ZI_AT(zi_publisher, repairs, 272);
ZI_AT(zi_publisher, pid, 280);
ZI_AT(zi_publisher, pad, 284);

enum zi_flag { ZI_LOSSLESS_ALLOWED = 1 };

/* Shape of a generation: written once before the generation is renamed into place, then only read. */
struct zi_shape {
	uint64_t slot_bytes; /* what a frame may use */
	uint32_t depth;
	uint32_t slots;
	uint32_t publishers;
	uint32_t subscribers;
	uint32_t pins;
	uint32_t loans;
	uint32_t keeps;
	uint32_t quarantine_ms; /* hardware may write into a loan that long after its owner died; 0 = it does not */
	uint32_t flags;         /* enum zi_flag */
	uint32_t generation;
};
ZI_SIZE(zi_shape, 48);
ZI_AT(zi_shape, slot_bytes, 0);
ZI_AT(zi_shape, depth, 8);
ZI_AT(zi_shape, slots, 12);
ZI_AT(zi_shape, publishers, 16);
ZI_AT(zi_shape, subscribers, 20);
ZI_AT(zi_shape, pins, 24);
ZI_AT(zi_shape, loans, 28);
ZI_AT(zi_shape, keeps, 32);
ZI_AT(zi_shape, quarantine_ms, 36);
ZI_AT(zi_shape, flags, 40);
ZI_AT(zi_shape, generation, 44);

/*
 * Start of the file `index`. Behind it, each from a line of its own: ring words [depth + 1], state words [slots],
 * reserved marks [slots] of one byte, descriptions [slots] unless they lie before the payloads. struct zi_places
 * (shm.h) computes where.
 */
struct zi_index {
	struct zi_header header;
	struct zi_shape shape;
	_Atomic uint64_t head;
	uint64_t pad1[7];
	_Atomic uint64_t in_use; /* bit p: publisher record p */
	uint64_t pad2[7];
	struct zi_publisher publishers[ZI_PUBLISHERS_MAX];
};
ZI_SIZE(zi_index, 192 + 320 * ZI_PUBLISHERS_MAX);
ZI_AT(zi_index, header, 0);
ZI_AT(zi_index, shape, 16);
ZI_AT(zi_index, head, 64);
ZI_AT(zi_index, pad1, 72);
ZI_AT(zi_index, in_use, 128);
ZI_AT(zi_index, pad2, 136);
ZI_AT(zi_index, publishers, 192);

struct zi_plane {
	uint64_t offset;
	uint32_t stride;
	uint32_t pad;
};
ZI_SIZE(zi_plane, 16);
ZI_AT(zi_plane, offset, 0);
ZI_AT(zi_plane, stride, 8);
ZI_AT(zi_plane, pad, 12);

/*
 * Description of the frame in a slot, written while loaned. The line that a message needs comes last, so that for
 * small slots it is the neighbour of the payload's first line: both come with one fetch of a pair of lines.
 */
struct zi_description {
	struct zi_plane planes[4];
	uint8_t meta[48];
	uint32_t plane_count;
	uint32_t range;
	uint32_t matrix;
	uint32_t pad0;
	uint64_t seq;
	int64_t capture_ns;
	int64_t publish_ns;
	uint64_t size;
	uint32_t publisher;
	uint32_t flags;
	uint32_t format;
	uint32_t width;
	uint32_t height;
	uint32_t pad1[3];
};
ZI_SIZE(zi_description, 3 * ZI_LINE);
ZI_AT(zi_description, planes, 0);
ZI_AT(zi_description, meta, 64);
ZI_AT(zi_description, plane_count, 112);
ZI_AT(zi_description, range, 116);
ZI_AT(zi_description, matrix, 120);
ZI_AT(zi_description, pad0, 124);
ZI_AT(zi_description, seq, 128);
ZI_AT(zi_description, capture_ns, 136);
ZI_AT(zi_description, publish_ns, 144);
ZI_AT(zi_description, size, 152);
ZI_AT(zi_description, publisher, 160);
ZI_AT(zi_description, flags, 164);
ZI_AT(zi_description, format, 168);
ZI_AT(zi_description, width, 172);
ZI_AT(zi_description, height, 176);
ZI_AT(zi_description, pad1, 180);

static_assert(ATOMIC_LLONG_LOCK_FREE == 2, "64-bit atomics must be lock-free");

#endif
