/* SPDX-License-Identifier: Apache-2.0 */
/*
 * In place of lib/map.c for ThreadSanitizer, which follows virtual addresses: all handles of the process share one
 * writable mapping of each file, so that a race between two handles is a race at one address.
 */
#include "lib/error.h"
#include "lib/shm.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>

#define MAPS_MAX 64

static struct shared_map {
	dev_t device;
	ino_t inode;
	unsigned users;
	size_t bytes;
	void *address;
} maps[MAPS_MAX];
static pthread_mutex_t maps_lock = PTHREAD_MUTEX_INITIALIZER;

static struct shared_map *find(const struct stat *st)
{
	struct shared_map *empty = NULL;

	for (struct shared_map *m = maps; m < maps + MAPS_MAX; m++) {
		if (m->users && m->device == st->st_dev && m->inode == st->st_ino)
			return m;
		if (!m->users)
			empty = m;
	}
	return empty;
}

static int map_locked(int fd, const struct stat *st, size_t bytes, const char *what, void **out)
{
	struct shared_map *m = find(st);

	if (!m)
		return zi_fail(-ENOMEM, "more than %d files in one process of the sanitizer build", MAPS_MAX);
	if (m->users == 0) {
		/* the descriptor may be read-only, the mapping is for all */
		char path[32];

		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		zi_autoclose int own = open(path, O_RDWR | O_CLOEXEC);
		void *map = own < 0 ? MAP_FAILED : mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);

		if (map == MAP_FAILED)
			return zi_fail(-errno, "cannot map %zu bytes of %s: %s", bytes, what, strerror(errno));
		*m = (struct shared_map){.device = st->st_dev, .inode = st->st_ino, .bytes = bytes, .address = map};
	}
	m->users++;
	*out = m->address;
	return 0;
}

int zi_map(int fd, size_t bytes, bool writable, const char *what, void **out)
{
	struct stat st;
	int status;

	(void)writable;
	if (fstat(fd, &st) < 0)
		return zi_fail(-errno, "cannot look at %s: %s", what, strerror(errno));
	pthread_mutex_lock(&maps_lock);
	status = map_locked(fd, &st, bytes, what, out);
	pthread_mutex_unlock(&maps_lock);
	return status;
}

void zi_unmap(void *map, size_t bytes)
{
	pthread_mutex_lock(&maps_lock);
	for (struct shared_map *m = maps; map && m < maps + MAPS_MAX; m++) {
		if (m->users && m->address == map && --m->users == 0)
			munmap(map, bytes);
	}
	pthread_mutex_unlock(&maps_lock);
}
