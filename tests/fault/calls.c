/* SPDX-License-Identifier: Apache-2.0 */
/* See calls.h. The names are those that the linker sees with 64-bit file offsets. */
#include "calls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/types.h>

static struct calls_plan plan;
static bool active;
static unsigned made, failed;
static const char *first_failed;
static size_t mapped_bytes;

void calls_begin(struct calls_plan wanted)
{
	plan = wanted;
	made = failed = 0;
	first_failed = NULL;
	active = true;
}

unsigned calls_end(void)
{
	active = false;
	return failed;
}

const char *calls_failed(void)
{
	return first_failed;
}

size_t calls_mapped_bytes(void)
{
	return mapped_bytes;
}

/* Does this call fail? Sets errno then. */
static bool fails(const char *name)
{
	if (!active)
		return false;
	made++;
	if (made != plan.at && !(plan.lasting && made > plan.at))
		return false;
	failed++;
	if (!first_failed)
		first_failed = name;
	errno = plan.error;
	return true;
}

#define CALL(type, failure, name, parameters, arguments)                   \
	type __real_##name parameters;                                     \
	type __wrap_##name parameters;                                     \
	type __wrap_##name parameters                                      \
	{                                                                  \
		return fails(#name) ? (failure) : __real_##name arguments; \
	}

CALL(void *, NULL, calloc, (size_t count, size_t size), (count, size))
CALL(int, -1, fallocate64, (int fd, int mode, int64_t offset, int64_t bytes), (fd, mode, offset, bytes))
CALL(int, -1, fchmod, (int fd, mode_t mode), (fd, mode))
CALL(int, -1, fchmodat, (int fd, const char *path, mode_t mode, int flags), (fd, path, mode, flags))
CALL(DIR *, NULL, fdopendir, (int fd), (fd))
CALL(int, -1, fstat64, (int fd, struct stat *st), (fd, st))
CALL(int, -1, fstatat64, (int fd, const char *path, struct stat *st, int flags), (fd, path, st, flags))
CALL(int, -1, fstatvfs64, (int fd, struct statvfs *st), (fd, st))
CALL(int, -1, ftruncate64, (int fd, int64_t bytes), (fd, bytes))
CALL(ssize_t, -1, getrandom, (void *bytes, size_t size, unsigned flags), (bytes, size, flags))
CALL(int, -1, madvise, (void *address, size_t bytes, int advice), (address, bytes, advice))
CALL(int, -1, mkdir, (const char *path, mode_t mode), (path, mode))
CALL(int, -1, mkdirat, (int fd, const char *path, mode_t mode), (fd, path, mode))
CALL(int, -1, mkfifoat, (int fd, const char *path, mode_t mode), (fd, path, mode))
CALL(int, -1, open64, (const char *path, int flags, mode_t mode), (path, flags, mode))
CALL(int, -1, openat64, (int fd, const char *path, int flags, mode_t mode), (fd, path, flags, mode))
CALL(ssize_t, -1, pread64, (int fd, void *bytes, size_t size, int64_t offset), (fd, bytes, size, offset))
CALL(ssize_t, -1, pwrite64, (int fd, const void *bytes, size_t size, int64_t offset), (fd, bytes, size, offset))
CALL(ssize_t, -1, read, (int fd, void *bytes, size_t size), (fd, bytes, size))
CALL(struct dirent *, NULL, readdir64, (DIR * dir), (dir))
CALL(int, -1, renameat, (int from_fd, const char *from, int to_fd, const char *to), (from_fd, from, to_fd, to))
CALL(int, -1, renameat2, (int from_fd, const char *from, int to_fd, const char *to, unsigned flags),
     (from_fd, from, to_fd, to, flags))
CALL(int, -1, scandirat64,
     (int fd, const char *path, struct dirent ***list, int (*wanted)(const struct dirent *),
      int (*order)(const struct dirent **, const struct dirent **)),
     (fd, path, list, wanted, order))
CALL(char *, NULL, strdup, (const char *text), (text))
CALL(long, -1, syscall, (long number, long a, long b, long c, long d, long e, long f), (number, a, b, c, d, e, f))
CALL(int, -1, unlinkat, (int fd, const char *path, int flags), (fd, path, flags))
CALL(ssize_t, -1, write, (int fd, const void *bytes, size_t size), (fd, bytes, size))
#undef CALL

int __real_fcntl64(int fd, int command, void *argument);
int __wrap_fcntl64(int fd, int command, struct flock *lock);

/* Two things do not last: a lock that somebody has (a wait of seconds), and want of memory for an unlock. */
int __wrap_fcntl64(int fd, int command, struct flock *lock)
{
	bool passing = command == F_OFD_SETLK && (plan.error == EACCES || lock->l_type == F_UNLCK);

	if (plan.lasting && passing && made + 1 > plan.at)
		return __real_fcntl64(fd, command, lock);
	return fails("fcntl64") ? -1 : __real_fcntl64(fd, command, lock);
}

void *__real_mmap64(void *address, size_t bytes, int protection, int flags, int fd, int64_t offset);
void *__wrap_mmap64(void *address, size_t bytes, int protection, int flags, int fd, int64_t offset);
int __real_munmap(void *address, size_t bytes);
int __wrap_munmap(void *address, size_t bytes);

void *__wrap_mmap64(void *address, size_t bytes, int protection, int flags, int fd, int64_t offset)
{
	void *map = fails("mmap64") ? MAP_FAILED : __real_mmap64(address, bytes, protection, flags, fd, offset);

	if (map != MAP_FAILED)
		mapped_bytes += bytes;
	return map;
}

/* Counted only: unmapping the whole of a mapping of one's own does not fail. */
int __wrap_munmap(void *address, size_t bytes)
{
	int status = __real_munmap(address, bytes);

	if (status == 0)
		mapped_bytes -= bytes;
	return status;
}
