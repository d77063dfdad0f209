/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Functions of libc that stand before libc's own for libzoetrope too, because a program's symbols come before those of
 * its libraries.
 */
#include "libc.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct libc_wishes libc_wishes;

/* Looked up before any process is stopped: in the middle of a walk it would take thousands of steps. */
static struct {
	long (*syscall)(long number, ...);
	int (*clock_gettime)(clockid_t clock, struct timespec *out);
	int (*madvise)(void *at, size_t bytes, int advice);
	int (*fstatat)(int fd, const char *restrict path, struct stat *restrict out, int flags);
} real;

__attribute__((constructor)) static void find_real(void)
{
	real.syscall = (long (*)(long, ...))(uintptr_t)dlsym(RTLD_NEXT, "syscall");
	real.clock_gettime = (int (*)(clockid_t, struct timespec *))(uintptr_t)dlsym(RTLD_NEXT, "clock_gettime");
	real.madvise = (int (*)(void *, size_t, int))(uintptr_t)dlsym(RTLD_NEXT, "madvise");
	real.fstatat = (int (*)(int, const char *, struct stat *, int))(uintptr_t)dlsym(RTLD_NEXT, "fstatat64");
}

long syscall(long number, ...)
{
	long word[6];
	va_list args;

	va_start(args, number);
	for (unsigned i = 0; i < 6; i++)
		word[i] = va_arg(args, long);
	va_end(args);
	if (libc_wishes.sleepless && number == SYS_futex && word[1] == FUTEX_WAIT) {
		errno = EAGAIN;
		return -1;
	}
	if (libc_wishes.until_woken && number == SYS_futex && word[1] == FUTEX_WAIT)
		word[3] = 0;
	return real.syscall(number, word[0], word[1], word[2], word[3], word[4], word[5]);
}

int clock_gettime(clockid_t clock, struct timespec *out)
{
	static int64_t now;

	if (libc_wishes.tick_ns == 0)
		return real.clock_gettime(clock, out);
	if (now == 0) {
		real.clock_gettime(clock, out);
		now = out->tv_sec * 1000000000ll + out->tv_nsec;
	}
	now += libc_wishes.tick_ns;
	*out = (struct timespec){.tv_sec = now / 1000000000, .tv_nsec = now % 1000000000};
	return 0;
}

int madvise(void *at, size_t bytes, int advice)
{
	if (libc_wishes.no_wipe && advice == MADV_WIPEONFORK) {
		errno = EINVAL;
		return -1;
	}
	return real.madvise(at, bytes, advice);
}

int fstatat(int fd, const char *restrict path, struct stat *restrict out, int flags)
{
	int status = real.fstatat(fd, path, out, flags);

	if (libc_wishes.elsewhere)
		out->st_ino++;
	return status;
}
