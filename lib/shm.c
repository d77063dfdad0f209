/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Files of a topic: where things lie, make, open, check, reserve. Everything read from a file is copied into a local
 * once, checked against the file's real size, then used.
 */
#include "shm.h"
#include "error.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static size_t round_up(size_t value, size_t to)
{
	return (value + to - 1) / to * to;
}

uint64_t zi_slots_needed(const struct zi_shape *s)
{
	uint64_t loans = (uint64_t)s->loans * (s->quarantine_ms ? 2 : 1);

	return (uint64_t)s->depth + 1 + s->publishers * (loans + s->keeps + ZI_BATCH) + s->pins;
}

static bool shape_fits(const struct zi_shape *s)
{
	return s->slot_bytes >= 1 && s->slot_bytes <= ZI_SLOT_BYTES_MAX && s->depth >= 1 && s->depth <= ZI_DEPTH_MAX &&
	       s->publishers >= 1 && s->publishers <= ZI_PUBLISHERS_MAX && s->subscribers >= 1 &&
	       s->subscribers <= ZI_SUBSCRIBERS_MAX && s->pins >= 1 && s->pins <= ZI_SUBSCRIBERS_MAX * ZI_PINS_MAX &&
	       s->loans >= 1 && s->loans <= ZI_LOANS_MAX && s->keeps <= ZI_KEEPS_MAX && s->generation >= 1 &&
	       s->slots <= ZI_SLOTS_MAX && s->slots >= zi_slots_needed(s);
}

int zi_places(const struct zi_shape *s, struct zi_places *out)
{
	struct zi_places p = {0};
	uint64_t stride;

	if (!shape_fits(s))
		return -EINVAL;
	p.ring = sizeof(struct zi_index);
	p.state = round_up(p.ring + (s->depth + 1) * sizeof(uint64_t), ZI_LINE);
	p.reserved = round_up(p.state + s->slots * sizeof(uint64_t), ZI_LINE);
	p.descriptions = round_up(p.reserved + s->slots, ZI_LINE);
	p.inline_descriptions = s->slot_bytes < ZI_PAGE;
	p.index_bytes = p.descriptions;
	if (p.inline_descriptions) {
		stride = round_up(sizeof(struct zi_description) + s->slot_bytes, 2 * ZI_LINE);
	} else {
		stride = (s->slot_bytes + ZI_PAGE - 1) / ZI_PAGE * ZI_PAGE;
		p.index_bytes += s->slots * sizeof(struct zi_description);
	}
	p.index_bytes = round_up(p.index_bytes, ZI_PAGE);
	if (stride > (SIZE_MAX - ZI_PAGE) / s->slots)
		return -EINVAL; /* address space of a 32-bit machine */
	p.slot_stride = (size_t)stride;
	p.frames_bytes = round_up(p.slot_stride * s->slots, ZI_PAGE);
	*out = p;
	return 0;
}

int zi_reserve(int fd, off_t offset, size_t bytes, const char *what)
{
	struct statvfs space = {0};
	int status;

	do {
		status = fallocate(fd, 0, offset, (off_t)bytes) < 0 ? -errno : 0;
	} while (status == -EINTR);
	if (status != -ENOSPC)
		return status < 0
		           ? zi_fail(status, "cannot reserve %zu bytes for %s: %s", bytes, what, strerror(-status))
		           : 0;
	fstatvfs(fd, &space);
	return zi_fail(
	    -ENOSPC,
	    "%s needs %zu bytes of shared memory, but its file system has %llu free of %llu; make it larger "
	    "(mount -o remount,size=..., docker run --shm-size=...), or remove what fills it (zoetrope clean, df)",
	    what, bytes, (unsigned long long)space.f_bavail * space.f_frsize,
	    (unsigned long long)space.f_blocks * space.f_frsize);
}

int zi_file_create(int directory, const char *name, size_t bytes, bool reserve, mode_t mode)
{
	zi_autoclose int fd = openat(directory, name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
	int status = 0;

	if (fd < 0)
		return zi_fail(-errno, "cannot make the file %s in the domain: %s", name, strerror(errno));
	/* fchmod, because the umask took away what a group needs */
	if (fchmod(fd, mode) < 0 || ftruncate(fd, (off_t)bytes) < 0)
		return zi_fail(-errno, "cannot make %s of %zu bytes: %s", name, bytes, strerror(errno));
	if (reserve && bytes)
		status = zi_reserve(fd, 0, bytes, name);
	return status < 0 ? status : zi_steal_fd(&fd);
}

static const struct zi_header good_header = {.magic = ZI_MAGIC, .abi = ZI_ABI, .byte_order = ZI_BYTE_ORDER};

static int check_header(const struct zi_header *found, const char *topic)
{
	if (found->magic == __builtin_bswap64(ZI_MAGIC) || found->byte_order == __builtin_bswap32(ZI_BYTE_ORDER))
		return zi_fail(-EBADMSG, "topic %s was made on a machine of the other byte order", topic);
	if (found->magic != ZI_MAGIC)
		return zi_fail(-EBADMSG,
		               "topic %s is damaged: its files do not begin as zoetrope's; run zoetrope clean", topic);
	if (found->abi != ZI_ABI)
		return zi_fail(
		    -EBADMSG,
		    "topic %s has layout version %u, this library reads %u; use the same libzoetrope everywhere", topic,
		    found->abi, ZI_ABI);
	if (found->byte_order != ZI_BYTE_ORDER)
		return zi_fail(-EBADMSG, "topic %s is damaged: no byte order; run zoetrope clean", topic);
	return 0;
}

static int check_file_size(int fd, uint64_t wanted, const char *topic, const char *file)
{
	struct stat st;

	if (fstat(fd, &st) < 0)
		return zi_fail(-errno, "cannot look at %s of topic %s: %s", file, topic, strerror(errno));
	if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size != wanted)
		return zi_fail(-EBADMSG, "topic %s is damaged: %s has %llu bytes, not %llu; run zoetrope clean", topic,
		               file, (unsigned long long)st.st_size, (unsigned long long)wanted);
	return 0;
}

static int open_file(int directory, const char *file, bool writable, const char *topic)
{
	int fd = openat(directory, file, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return fd < 0 ? zi_open_failed("%s of topic %s", file, topic) : fd;
}

int zi_generation_create(int directory, const struct zi_shape *shape, uint64_t head, mode_t file_mode)
{
	struct zi_places places;
	void *map;
	int status = zi_places(shape, &places);

	if (status < 0)
		return zi_fail(status, "%u slots of %llu bytes do not fit the address space", shape->slots,
		               (unsigned long long)shape->slot_bytes);
	zi_autoclose int frames =
	    zi_file_create(directory, "frames", places.frames_bytes, places.inline_descriptions, file_mode);

	if (frames < 0)
		return frames;
	zi_autoclose int fd = zi_file_create(directory, "index", places.index_bytes, true, file_mode);

	if (fd < 0)
		return fd;
	status = zi_map(fd, places.index_bytes, true, "index", &map);
	if (status < 0)
		return status;
	struct zi_index *index = map;
	_Atomic uint64_t *ring = (void *)((uint8_t *)map + places.ring);

	index->header = good_header;
	index->shape = *shape;
	atomic_store(&index->head, head);
	for (unsigned i = 0; i <= shape->depth; i++)
		atomic_store(&ring[i], ZI_EMPTY);
	zi_unmap(map, places.index_bytes);
	return 0;
}

static void generation_point(struct zi_generation *g)
{
	uint8_t *base = (uint8_t *)g->index;

	g->ring_inverse = UINT64_MAX / (g->shape.depth + 1) + 1;
	g->ring = (void *)(base + g->places.ring);
	g->state = (void *)(base + g->places.state);
	g->reserved = (void *)(base + g->places.reserved);
	if (g->places.inline_descriptions) {
		g->descriptions = g->frames;
		g->description_stride = g->places.slot_stride;
		g->payloads = g->frames + sizeof(struct zi_description);
	} else {
		g->descriptions = base + g->places.descriptions;
		g->description_stride = sizeof(struct zi_description);
		g->payloads = g->frames;
	}
}

static int read_start(int fd, const char *topic, const char *file, void *out, size_t size)
{
	ssize_t got = pread(fd, out, size, 0);

	if (got < 0 && errno != ESPIPE) /* no file but a FIFO */
		return zi_fail(-errno, "cannot read %s of topic %s: %s", file, topic, strerror(errno));
	if (got != (ssize_t)size)
		return zi_fail(-EBADMSG, "topic %s is damaged: %s is too short; run zoetrope clean", topic, file);
	return 0;
}

static int read_shape(int fd, const char *topic, unsigned number, struct zi_generation *g)
{
	struct {
		struct zi_header header;
		struct zi_shape shape;
	} found;

	int status = read_start(fd, topic, "index", &found, sizeof(found));

	if (status == 0)
		status = check_header(&found.header, topic);
	if (status < 0)
		return status;
	if (found.shape.generation != number || zi_places(&found.shape, &g->places) < 0)
		return zi_fail(-EBADMSG, "topic %s is damaged: its shape makes no sense; run zoetrope clean", topic);
	g->shape = found.shape;
	return check_file_size(fd, g->places.index_bytes, topic, "index");
}

static int generation_map(struct zi_generation *g, int index, int frames, const char *topic, bool writable)
{
	void *map;
	int status = check_file_size(frames, g->places.frames_bytes, topic, "frames");

	if (status == 0)
		status = zi_map(index, g->places.index_bytes, writable, topic, &map);
	if (status < 0)
		return status;
	g->index = map;
	status = zi_map(frames, g->places.frames_bytes, writable, topic, &map);
	if (status == 0) {
		g->frames = map;
		generation_point(g);
	}
	return status;
}

int zi_generation_open(int directory, const char *topic, unsigned number, bool writable, struct zi_generation **out)
{
	zi_autoclose int index = open_file(directory, "index", writable, topic);

	if (index < 0)
		return index;
	zi_autoclose int frames = open_file(directory, "frames", writable, topic);

	if (frames < 0)
		return frames;
	struct zi_generation *g = calloc(1, sizeof(*g));

	if (!g)
		return zi_fail(-ENOMEM, "no memory");
	g->frames_fd = -1;
	int status = read_shape(index, topic, number, g);

	if (status == 0)
		status = generation_map(g, index, frames, topic, writable);
	if (status < 0) {
		zi_generation_close(g);
		return status;
	}
	if (writable)
		g->frames_fd = zi_steal_fd(&frames);
	*out = g;
	return 0;
}

void zi_generation_close(struct zi_generation *g)
{
	if (!g)
		return;
	zi_unmap(g->frames, g->places.frames_bytes);
	zi_unmap(g->index, g->places.index_bytes);
	if (g->frames_fd >= 0)
		close(g->frames_fd);
	free(g);
}

int zi_readers_create(int directory, mode_t file_mode)
{
	zi_autoclose int fd = zi_file_create(directory, "readers", sizeof(struct zi_readers), true, file_mode);

	if (fd < 0)
		return fd;
	ssize_t put = pwrite(fd, &good_header, sizeof(good_header), 0);

	if (put == (ssize_t)sizeof(good_header))
		return 0;
	return zi_fail(put < 0 ? -errno : -EIO, "cannot write the file readers: %s", strerror(put < 0 ? errno : EIO));
}

int zi_readers_map(int fd, const char *topic, bool writable, struct zi_readers **out)
{
	struct zi_header header;
	void *map;
	int status = check_file_size(fd, sizeof(struct zi_readers), topic, "readers");

	if (status < 0)
		return status;
	status = read_start(fd, topic, "readers", &header, sizeof(header));
	if (status == 0)
		status = check_header(&header, topic);
	if (status == 0)
		status = zi_map(fd, sizeof(struct zi_readers), writable, topic, &map);
	if (status == 0)
		*out = map;
	return status;
}
