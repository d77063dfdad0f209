/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libzoetrope: frames and messages from one process to many, in shared memory, without a copy.
 *
 * The words
 *   domain      a directory on a memory file system that holds topics; of one user, or of one group (setgid)
 *   topic       a named stream of frames or messages: "front", "front/detections"
 *   publisher   a handle of one process that loans free slots, fills them in place and publishes them
 *   subscriber  a handle of one process that takes published slots, reads them in place and releases them
 *   slot        a piece of shared memory that holds one frame; what a frame really uses may be smaller
 *   sequence    position of a frame in its topic's total order: from 0, without holes, never used twice
 *   depth       how many newest frames a topic keeps for subscribers to take
 *   overrun     a subscriber wanted a frame that is no longer kept; it learns exactly how many it lost
 *
 * What holds
 *   What a subscriber has taken does not change until it releases it. Nobody waits for a reader. Readers never
 *   exclude readers. kill -9 of any party at any instruction loses at most the frame that was being written.
 *   Cost does not grow with frame size.
 *
 * What the library does to your process
 *   It maps files of the domain, and keeps one mapped page for each handle that holds a file lock: the kernel drops
 *   the lock when the process ends, which is how others learn of it. No threads, no signal handlers, no locale, no
 *   output, no exit. Descriptors are close-on-exec. It allocates only in open and close.
 *
 * fork     A handle belongs to the process that opened it. In a forked child its functions return -ECHILD and its
 *          close() frees the memory only; the child opens its own.
 * threads  Different handles in different threads: always. One handle: one thread at a time, unless said otherwise.
 * signals  No function here may be called from a signal handler. A wait that a signal interrupts returns -EINTR; so
 *          does a call that works on files if the file system says so. Nothing has changed then: call again.
 * time     int64_t nanoseconds of CLOCK_MONOTONIC, everywhere.
 *
 * Caveats
 *   Subscribers of a topic trust each other so far that a malicious one could unpin what another reads; none can
 *   change a frame or the index, which they map read-only.
 *   Whoever may write a topic's files may truncate them, and that is a SIGBUS in everybody who reads there. The modes
 * of directory and files are the guard.
 *
 * errors   0 or a positive count is success, a negative errno is failure. zoe_error() has the sentence for it.
 *          -EAGAIN and -ETIMEDOUT are ordinary answers and leave zoe_error() alone.
 */
#ifndef ZOETROPE_H
#define ZOETROPE_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ZOE_VERSION "0.1.0"

/* No limit, for a timeout in nanoseconds. */
#define ZOE_FOREVER INT64_MAX

#define ZOE_PLANES_MAX 4
#define ZOE_META_BYTES 48
/* Longest topic name in bytes. Names are [A-Za-z0-9_-]+, in parts joined by '/'. */
#define ZOE_TOPIC_NAME_MAX 120

/* Little-endian four-character code, as V4L2 and DRM write them. */
#define ZOE_FOURCC(a, b, c, d) ((uint32_t)(a) | (uint32_t)(b) << 8 | (uint32_t)(c) << 16 | (uint32_t)(d) << 24)

/*
 * Pixel formats, by their V4L2 codes (kernel: Documentation/userspace-api/media/v4l/pixfmt.rst).
 * Planes, in order, each top row first; chroma sizes round up.
 */
enum zoe_format {
	ZOE_FORMAT_NONE = 0,                               /* a message: bytes, no picture */
	ZOE_FORMAT_GREY = ZOE_FOURCC('G', 'R', 'E', 'Y'),  /* Y [height][width] */
	ZOE_FORMAT_I420 = ZOE_FOURCC('Y', 'U', '1', '2'),  /* Y, U, V; chroma halved both ways */
	ZOE_FORMAT_I422 = ZOE_FOURCC('4', '2', '2', 'P'),  /* Y, U, V; chroma halved across */
	ZOE_FORMAT_I444 = ZOE_FOURCC('Y', 'M', '2', '4'),  /* Y, U, V; full chroma */
	ZOE_FORMAT_NV12 = ZOE_FOURCC('N', 'V', '1', '2'),  /* Y, UV interleaved; chroma halved both ways */
	ZOE_FORMAT_YUYV = ZOE_FOURCC('Y', 'U', 'Y', 'V'),  /* packed Y0 U Y1 V */
	ZOE_FORMAT_UYVY = ZOE_FOURCC('U', 'Y', 'V', 'Y'),  /* packed U Y0 V Y1 */
	ZOE_FORMAT_RGB24 = ZOE_FOURCC('R', 'G', 'B', '3'), /* bytes R G B */
	ZOE_FORMAT_BGR24 = ZOE_FOURCC('B', 'G', 'R', '3'), /* bytes B G R */
	ZOE_FORMAT_MJPEG = ZOE_FOURCC('M', 'J', 'P', 'G'), /* one JPEG picture; size as in zoe_frame.size */
};

/* Luma and chroma range of YUV pixels. 0 means limited for YUV, full for RGB, GREY and MJPEG. */
enum zoe_range { ZOE_RANGE_DEFAULT = 0, ZOE_RANGE_LIMITED = 1, ZOE_RANGE_FULL = 2 };

/* YUV matrix. 0 means BT.601. */
enum zoe_matrix { ZOE_MATRIX_DEFAULT = 0, ZOE_MATRIX_BT601 = 1, ZOE_MATRIX_BT709 = 2 };

/* Where one plane lies: bytes from the frame's data, and bytes from one row to the next. */
struct zoe_plane {
	uint64_t offset;
	uint32_t stride;
	uint32_t reserved; /* 0 */
};

/* What the bytes of a frame mean. All zero: a message. */
struct zoe_image {
	uint32_t format; /* enum zoe_format */
	uint32_t width;  /* pixels */
	uint32_t height; /* pixels */
	uint32_t plane_count;
	uint32_t range;  /* enum zoe_range */
	uint32_t matrix; /* enum zoe_matrix */
	struct zoe_plane planes[ZOE_PLANES_MAX];
};

/* A slot that a publisher fills. The library sets the first group, the caller the second, before zoe_publish(). */
struct zoe_loan {
	void *data;      /* page aligned for slots of a page or more, else 64 bytes */
	size_t capacity; /* bytes that may be written at data */
	uint32_t slot;
	uint32_t generation; /* which shape of the topic the slot is of */

	size_t size;        /* bytes used; 0..capacity */
	int64_t capture_ns; /* when the picture was taken; 0 = now, at publish */
	uint32_t flags;     /* the topic's own; carried along */
	struct zoe_image image;
	uint8_t meta[ZOE_META_BYTES]; /* the topic's own; carried along for frames (image.format not 0) */
	int64_t timeout_ns;           /* how long to wait for lossless subscribers; 0 = do not */
};

/* A frame that a subscriber has taken. It stays as it is until zoe_release(). */
struct zoe_frame {
	const void *data;
	size_t size;
	uint64_t seq;
	uint64_t lost; /* zoe_take_next: frames overrun since the take before. zoe_take_latest: frames passed over */
	int64_t capture_ns; /* when the picture was taken */
	int64_t publish_ns; /* when it was published */
	uint32_t publisher; /* record number of who published it */
	uint32_t flags;
	struct zoe_image image;
	uint8_t meta[ZOE_META_BYTES];
	uint32_t slot;
	uint32_t generation; /* which shape of the topic the slot is of */
	uint32_t pin;        /* the library's */
};

/*
 * Shape and budgets of a topic. Zero means: the default, or what the topic has if it exists. Who opens a topic that
 * exists and wants more than it has (larger slots, another depth, larger budgets) changes its shape: a new generation
 * follows, sequence numbers go on, subscribers move on by themselves. Memory is taken slot by slot when first used, so
 * large budgets cost address space, not memory.
 */
struct zoe_topic_options {
	size_t slot_bytes;    /* largest frame, bytes; default 65536. A larger loan makes the topic grow */
	unsigned depth;       /* newest frames kept, 1..1024; default 4 */
	unsigned publishers;  /* most publishers at once, 1..16; default 4 */
	unsigned subscribers; /* most subscribers at once, 1..64; default 32, on 32-bit machines 8 */
	unsigned pins;        /* frames that all subscribers may hold together; default 2 for each subscriber */
	unsigned loans;       /* slots that each publisher may have on loan, 1..32; default 2 */
	unsigned keeps;       /* published slots that each publisher may go on reading, 0..32; default 0 */
	unsigned lossless;    /* 1: subscribers may hold publishers up (ZOE_LOSSLESS) */
	int64_t
	    quarantine_ns; /* hardware fills the loans, and may go on for that long after its process died; 0..60 s */
};

enum zoe_mode {
	ZOE_LOSSY = 0,    /* nobody waits for me; I learn what I lost */
	ZOE_LOSSLESS = 1, /* publishers wait for me, as long as their loans' timeout_ns allows */
};

enum zoe_start {
	ZOE_START_NEW = 0,    /* with the first frame published after opening */
	ZOE_START_OLDEST = 1, /* with the oldest frame that is kept */
};

struct zoe_subscriber_options {
	unsigned pins; /* frames held at once, 1..16; default 2 */
	enum zoe_mode mode;
	enum zoe_start start;
	const char *group; /* share the frames with all subscribers of that group, 1..39 bytes: each frame goes to one.
	                      NULL = alone */
	int64_t spin_ns;   /* look that long before sleeping in a wait; default 0 */
	int64_t interval_ns; /* zoe_take_latest: at most one frame in that time, on average; default 0 */
};

/* What a subscriber would like to get. Publishers see all wishes and do as they can. Zero: no wish. */
struct zoe_wish {
	uint32_t rate_mhz;   /* frames in 1000 seconds */
	uint32_t format;     /* enum zoe_format */
	uint32_t width;      /* pixels */
	uint32_t height;     /* pixels */
	uint64_t key_frames; /* raise it to ask for a key frame now */
};

struct zoe_domain;
struct zoe_publisher;
struct zoe_subscriber;

/* ---- errors and version ------------------------------------------------------------------------------------- */

/*
 * The sentence of this thread's last failure: what was wanted, what was there, what to do.
 *
 * Returns  a string that holds until the thread's next failure; "" if there was none
 * Threads  any
 */
const char *zoe_error(void);

/* Version of the library that runs, "major.minor.patch"; ZOE_VERSION is the one compiled against. Threads: any. */
const char *zoe_version(void);

/* CLOCK_MONOTONIC in nanoseconds. Threads: any. */
int64_t zoe_now_ns(void);

/* ---- domain ------------------------------------------------------------------------------------------------- */

/*
 * Open a domain; make its directory if it is not there.
 *
 * path        directory; NULL = the environment's ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID
 * out_domain  close with zoe_domain_close(), after the handles opened in it
 *
 * Returns  0 | -EACCES, -EPERM (not ours, or writable by everybody) | -ENOTDIR | -ENAMETOOLONG | -ENOMEM | other -errno
 * of mkdir Threads  any Source   docs/transport.md "Domain"
 */
int zoe_domain_open(const char *path, struct zoe_domain **out_domain);
void zoe_domain_close(struct zoe_domain *domain);

/* Path of the domain's directory; lives as long as the domain. Threads: any. */
const char *zoe_domain_path(const struct zoe_domain *domain);

/*
 * Remove what the dead left: topics without a living participant, half-made and half-removed ones, and the records
 * of the dead in living topics.
 *
 * Returns  number of topics removed | -errno
 * Threads  any
 */
int zoe_domain_clean(struct zoe_domain *domain);

/*
 * Call visit with each topic's name, sorted. visit returns 0 to go on; anything else ends and is returned.
 *
 * Returns  0 | what visit returned | -errno of reading the directory
 * Threads  any
 */
int zoe_domain_list(struct zoe_domain *domain, int (*visit)(const char *topic, void *user), void *user);

/* A look at a topic, for people and tests. Counts are a snapshot and may be a moment apart from each other. */
struct zoe_topic_info {
	uint64_t next_seq; /* frames published so far */
	uint64_t slot_bytes;
	uint64_t memory_bytes; /* really taken from the file system */
	unsigned generation;
	unsigned depth;
	unsigned slots;
	unsigned slots_free;        /* neither loaned nor kept in the ring; pinned ones count as free once displaced */
	unsigned slots_loaned;      /* by publishers, dead or alive, or about to be published */
	unsigned slots_kept;        /* in the ring */
	unsigned slots_quarantined; /* a dead publisher's hardware may still write there */
	unsigned slots_pinned;      /* held by subscribers, in the ring or not */
	unsigned publishers;        /* alive */
	unsigned subscribers;       /* alive */
	unsigned dead;              /* records whose owner died and that nobody has cleared yet */
	int64_t last_publish_ns;    /* 0 = none yet */
	uint32_t format, width, height; /* of the newest frame */
};

/*
 * Returns  0 | -ENOENT | -EINVAL (name) | -EACCES | -EBADMSG (damaged) | -ENOMEM
 * Threads  any
 */
int zoe_topic_info(struct zoe_domain *domain, const char *topic, struct zoe_topic_info *out_info);

/* Somebody on a topic. */
struct zoe_party {
	unsigned is_publisher; /* 1 publisher, 0 subscriber */
	unsigned record;
	unsigned alive;   /* 0: died, and nobody has cleared the record yet */
	uint32_t pid;     /* as the party itself saw it; for people */
	uint64_t count;   /* frames published, or taken */
	uint64_t lost;    /* subscriber: frames overrun or passed over */
	uint64_t waits;   /* publisher: for lossless subscribers; subscriber: times it slept */
	uint64_t repairs; /* publisher: records of the dead that it cleared */
	uint64_t cursor;  /* subscriber: next frame wanted */
	enum zoe_mode mode;
	char group[40]; /* "" = none */
	unsigned pins;  /* frames in hand */
	uint32_t pinned_slots[16];
	int64_t pinned_publish_ns[16]; /* when the frame in that slot was published: it is held for less than that */
	struct zoe_wish wish;
};

/*
 * Call visit for each party of a topic. visit returns 0 to go on; anything else ends and is returned.
 *
 * Returns  0 | what visit returned | as zoe_topic_info()
 * Threads  any
 */
int zoe_topic_parties(struct zoe_domain *domain, const char *topic,
                      int (*visit)(const struct zoe_party *party, void *user), void *user);

/* ---- publisher ---------------------------------------------------------------------------------------------- */

/*
 * Join a topic as publisher; create the topic if it is not there or only the dead are left in it.
 *
 * domain         must outlive the publisher
 * topic          name as under ZOE_TOPIC_NAME_MAX
 * options        shape of the topic; NULL = defaults, or what it has
 * out_publisher  close with zoe_publisher_close()
 *
 * Returns  0 | -EINVAL (name or options) | -EUSERS (budget of publishers used up) | -ENOSPC (memory file system full)
 *          | -EACCES | -EBADMSG (damaged) | -ETIMEDOUT (a lossless subscriber holds up a change of shape) | -EINTR |
 * -ENOMEM Threads  any Source   docs/transport.md "Join"
 */
int zoe_publisher_open(struct zoe_domain *domain, const char *topic, const struct zoe_topic_options *options,
                       struct zoe_publisher **out_publisher);

/* Leave: loans go back, the last one out removes the topic. NULL is fine. */
void zoe_publisher_close(struct zoe_publisher *publisher);

/*
 * Take a free slot to write into. Its memory is reserved, so writing cannot fail. A size above the topic's slot_bytes
 * makes the topic grow.
 *
 * size      bytes that will be needed
 * out_loan  everything zeroed but data, capacity, slot, generation, and size = the size asked for
 *
 * Returns  0 | -EMSGSIZE (size above the topic's slot_bytes) | -ENOBUFS (as many loans or keeps open as the topic
 * allows) | -ENOSPC (memory file system full) | -ECHILD | -EBADMSG Owner    the caller, until zoe_publish() or
 * zoe_discard() Threads  one at a time Cost     a scan over state words, a compare-and-swap, a look at the pins; no
 * system call but at a slot's first use Source   docs/transport.md "Loan" L1..L4
 */
int zoe_loan(struct zoe_publisher *publisher, size_t size, struct zoe_loan *out_loan);

/*
 * Give a loaned slot to all subscribers. The caller must not touch its bytes afterwards.
 *
 * out_seq  the frame's sequence number; NULL = not wanted
 *
 * On failure the loan stays the caller's: publish it again or discard it.
 *
 * Returns  0 | -EINVAL (size, planes or format do not fit the slot) | -EAGAIN, -ETIMEDOUT (a lossless subscriber is
 * behind; loan->timeout_ns) | -EINTR | -ESTALE (the topic changed its shape meanwhile and the frame does not fit: loan
 *          again) | -EOVERFLOW (2^48 - 3 frames published) | -ECHILD | -EBADMSG
 * Threads  one at a time
 * Cost     two stores and two compare-and-swaps; a system call only if somebody sleeps
 * Source   docs/transport.md "Publish" P1..P6
 */
int zoe_publish(struct zoe_publisher *publisher, struct zoe_loan *loan, uint64_t *out_seq);

/*
 * As zoe_publish(), but the publisher goes on reading the slot (a decoder's reference picture) until zoe_unkeep() with
 * the same loan. -ENOBUFS if the topic's keeps are used up.
 */
int zoe_publish_keep(struct zoe_publisher *publisher, struct zoe_loan *loan, uint64_t *out_seq);
void zoe_unkeep(struct zoe_publisher *publisher, struct zoe_loan *loan);

/* Give a loaned slot back unpublished. */
void zoe_discard(struct zoe_publisher *publisher, struct zoe_loan *loan);

/* Publish a copy of bytes[size]: a loan, a copy, a publish. For messages. Returns as these two. */
int zoe_publish_bytes(struct zoe_publisher *publisher, const void *bytes, size_t size, uint64_t *out_seq);

/*
 * What the topic's subscribers wish for, so that nothing is made for nobody.
 *
 * out_wishes  the first `room` of them
 *
 * Returns  number of living subscribers, which may be above room | -ECHILD
 * Threads  one at a time
 */
int zoe_publisher_wishes(struct zoe_publisher *publisher, struct zoe_wish *out_wishes, unsigned room);

/* Return the memory of slots that are not in use to the system, when idle. Returns bytes | -ECHILD. Threads: one at a
 * time. */
int64_t zoe_publisher_trim(struct zoe_publisher *publisher);

/* Reserve and touch all slots now, not at their first use. Returns bytes | -ENOSPC | -ECHILD. Threads: one at a time.
 */
int64_t zoe_publisher_prefault(struct zoe_publisher *publisher);

/* ---- subscriber --------------------------------------------------------------------------------------------- */

/*
 * Join a topic as subscriber. It goes on through restarts of publishers and changes of shape; nobody has to reopen.
 *
 * options         NULL = defaults
 * out_subscriber  close with zoe_subscriber_close(); frames still held are released then
 *
 * Returns  0 | -ENOENT (no such topic, or nobody alive in it: try again) | -EINVAL | -EUSERS (budget of subscribers,
 *          pins or groups used up) | -EOPNOTSUPP (lossless, and the topic does not allow it) | -EACCES | -EBADMSG |
 * -ENOMEM Threads  any Source   docs/transport.md "Join"
 */
int zoe_subscriber_open(struct zoe_domain *domain, const char *topic, const struct zoe_subscriber_options *options,
                        struct zoe_subscriber **out_subscriber);
void zoe_subscriber_close(struct zoe_subscriber *subscriber);

/*
 * Pin the newest frame that is newer than the one taken last.
 *
 * timeout_ns  how long to wait for one; 0 = do not, ZOE_FOREVER = no limit
 * out_frame   the frame; out_frame->lost = frames passed over since the last take
 *
 * Returns  0 | -EAGAIN (timeout_ns is 0 and there is none) | -ETIMEDOUT | -EINTR | -ENOBUFS (as many frames held as
 * asked for at open: release one) | -ECHILD | -EBADMSG Owner    the library; read-only until zoe_release() Threads  one
 * at a time per subscriber Cost     three loads and a store; a system call only to wait Source   docs/transport.md
 * "Take" T1..T4
 */
int zoe_take_latest(struct zoe_subscriber *subscriber, int64_t timeout_ns, struct zoe_frame *out_frame);

/*
 * As zoe_take_latest(), but the next one in order; out_frame->lost = frames that were overrun before it. In a group:
 * the next that no other member has taken.
 */
int zoe_take_next(struct zoe_subscriber *subscriber, int64_t timeout_ns, struct zoe_frame *out_frame);

/* Unpin. One store. The frame's data pointer is cleared; releasing it again does nothing. */
void zoe_release(struct zoe_subscriber *subscriber, struct zoe_frame *frame);

/*
 * A descriptor for poll, epoll and event loops: readable when a take may succeed. Take with timeout 0 until -EAGAIN
 * whenever it is readable: that call drains and re-arms it. Never read it yourself.
 *
 * Returns  the descriptor, >= 0, the library's: do not close it | -ECHILD | -errno of making the FIFO
 * Threads  one at a time per subscriber
 * Source   docs/transport.md "Descriptor"
 */
int zoe_subscriber_fd(struct zoe_subscriber *subscriber);

/* Say what I would like to get. Returns 0 | -ECHILD. Threads: one at a time. */
int zoe_subscriber_wish(struct zoe_subscriber *subscriber, const struct zoe_wish *wish);

/* ---- pictures ----------------------------------------------------------------------------------------------- */

/*
 * Fill plane_count and planes for image's format, width and height, each plane and row aligned.
 *
 * align  of rows and planes in bytes; a power of two, 1..4096; 1 = tight
 *
 * Returns  bytes that the picture takes | -EINVAL (format unknown or compressed, size 0 or above 16384)
 * Threads  any
 */
int64_t zoe_image_layout(struct zoe_image *image, unsigned align);

/*
 * Check that the planes of a picture lie inside size bytes and hold its rows. MJPEG has no planes.
 *
 * Returns  0 | -EINVAL
 * Threads  any
 */
int zoe_image_check(const struct zoe_image *image, size_t size);

/* Four characters and a zero for a format; unprintable ones become '.'. Threads: any. */
void zoe_format_name(uint32_t format, char out_name[5]);

#ifdef __cplusplus
}
#endif

#endif
