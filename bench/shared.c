/* SPDX-License-Identifier: Apache-2.0 */
/* What several peers need: names, mapped files, futex. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void bench_fail(const char *format, ...)
{
	va_list args;

	fprintf(stderr, "bench-%s: ", bench_peer.name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	exit(1);
}

const char *bench_name(void)
{
	const char *name = getenv("BENCH_NAME");

	return name ? name : "zoetrope-bench";
}

void bench_futex_wait(const void *word, uint32_t value, int64_t timeout_ns)
{
	struct timespec timeout = {.tv_sec = timeout_ns / 1000000000, .tv_nsec = timeout_ns % 1000000000};

	syscall(SYS_futex, word, FUTEX_WAIT, value, &timeout, NULL, 0);
}

void bench_futex_wake(const void *word)
{
	syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void path_of(const char *part, char out_path[256])
{
	snprintf(out_path, 256, "/dev/shm/%s-%s", bench_name(), part);
}

void *bench_map(const char *part, size_t bytes, bool make)
{
	char path[256];

	path_of(part, path);
	int fd = open(path, O_RDWR | O_CLOEXEC | (make ? O_CREAT | O_TRUNC : 0), 0600);

	if (fd < 0 || (make && (ftruncate(fd, (off_t)bytes) < 0 || posix_fallocate(fd, 0, (off_t)bytes))))
		bench_fail("%s with %zu bytes: %s", path, bytes, strerror(errno));
	void *map = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);

	if (map == MAP_FAILED)
		bench_fail("map %s: %s", path, strerror(errno));
	close(fd);
	return map;
}

void bench_unlink(const char *part)
{
	char path[256];

	path_of(part, path);
	unlink(path);
}
