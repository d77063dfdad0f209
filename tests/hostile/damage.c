/* SPDX-License-Identifier: Apache-2.0 */
/* See damage.h. It knows of the layout only what helps to hit: words of 8 bytes, small numbers, seq << 16 | slot. */
#include "damage.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

static struct damage *finding; /* nftw() hands its visitor nothing */
static size_t domain_length;

uint64_t damage_random(struct damage *d)
{
	d->random ^= d->random << 13;
	d->random ^= d->random >> 7;
	d->random ^= d->random << 17;
	return d->random;
}

uint64_t damage_pick(struct damage *d, uint64_t below)
{
	return damage_random(d) % below;
}

static int visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
	struct damage *d = finding;

	(void)where;
	if (type != FTW_F || !S_ISREG(st->st_mode) || st->st_size == 0 || d->count == DAMAGE_FILES_MAX)
		return 0;
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return 0; /* removed meanwhile */
	void *map = mmap(NULL, (size_t)st->st_size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

	close(fd);
	if (map == MAP_FAILED)
		return 0;
	struct damage_file *file = &d->files[d->count++];

	*file = (struct damage_file){.bytes = map, .size = (size_t)st->st_size};
	snprintf(file->path, sizeof(file->path), "%s", path + domain_length);
	return 0;
}

void damage_forget(struct damage *d)
{
	for (unsigned i = 0; i < d->count; i++)
		munmap(d->files[i].bytes, d->files[i].size);
	d->count = 0;
}

void damage_find(struct damage *d, const char *domain)
{
	damage_forget(d);
	finding = d;
	domain_length = strlen(domain);
	nftw(domain, visit, 20, FTW_PHYS);
}

/* Most damage hits the first 16 KiB: shape, head, ring, states, records. */
static size_t offset_for(struct damage *d, const struct damage_file *file, size_t width)
{
	size_t span = file->size - width + 1;

	switch (damage_pick(d, 8)) {
	case 0:
		span = span > 256 ? 256 : span; /* header and shape, the words in the first lines */
		break;
	case 1:
	case 2:
		break; /* anywhere */
	default:
		span = span > 16384 ? 16384 : span;
	}
	return damage_pick(d, span) / width * width;
}

static uint64_t word_for(struct damage *d, uint64_t old, const uint64_t *neighbour)
{
	uint64_t number = damage_pick(d, 4) ? damage_pick(d, 300) : damage_random(d);

	switch (damage_pick(d, 12)) {
	case 0:
		return 0;
	case 1:
		return UINT64_MAX;
	case 2:
		return old + 1;
	case 3:
		return old - 1;
	case 4:
		return old ^ 1ull << damage_pick(d, 64);
	case 5:
		return *neighbour;
	case 6:
		return number;
	case 7:
		return number << 16 | damage_pick(d, 70000); /* ring word */
	case 8:
		return number << 16 | damage_pick(d, 20) << 2 | damage_pick(d, 4); /* state word */
	case 9:
		return damage_pick(d, 3) << 32 | damage_pick(d, 70000); /* pin */
	case 10:
		return 1ull << 63 | (old + damage_pick(d, 2)); /* closed */
	default:
		return damage_random(d);
	}
}

void damage_once(struct damage *d)
{
	if (d->count == 0)
		return;
	struct damage_file *file = &d->files[damage_pick(d, d->count)];

	if (file->size < 16)
		return;
	if (damage_pick(d, 4) == 0) {
		file->bytes[offset_for(d, file, 1)] = (uint8_t)damage_random(d);
		return;
	}
	uint64_t *words = (uint64_t *)(void *)file->bytes;
	size_t at = offset_for(d, file, 8) / 8, count = file->size / 8;
	uint64_t word = word_for(d, words[at], &words[(at + 1) % count]);

	if (damage_pick(d, 4) == 0)
		((uint32_t *)words)[2 * at + damage_pick(d, 2)] = (uint32_t)word;
	else
		words[at] = word;
}
