/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One mapping for each handle, kept out of core dumps (a dying process holds its locks while it dumps, transport.md
 * trap 8). The ThreadSanitizer build takes tests/stress/map_shared.c in place of this file.
 */
#include "error.h"
#include "shm.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

int zi_map(int fd, size_t bytes, bool writable, const char *what, void **out)
{
	void *map = mmap(NULL, bytes, writable ? PROT_READ | PROT_WRITE : PROT_READ, MAP_SHARED, fd, 0);

	if (map == MAP_FAILED)
		return zi_fail(-errno, "cannot map %zu bytes of %s: %s", bytes, what, strerror(errno));
	madvise(map, bytes, MADV_DONTDUMP);
	*out = map;
	return 0;
}

void zi_unmap(void *map, size_t bytes)
{
	if (map)
		munmap(map, bytes);
}
