/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Futex and FIFO. Sleepers wait on the low half of a word with a shared futex, which works on a read-only mapping
 * (futex(2)); at most 100 ms at a time, since a publisher may die between its ring word and head.
 */
#include "wait.h"
#include "error.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define SLICE_NS 100000000

static uint32_t *low_half(const _Atomic uint64_t *word)
{
	return (uint32_t *)(uintptr_t)word + (__BYTE_ORDER == __BIG_ENDIAN);
}

void zi_wake(const _Atomic uint64_t *word)
{
	syscall(SYS_futex, low_half(word), FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

int zi_wait(const _Atomic uint64_t *word, uint64_t value, int64_t end_ns)
{
	int64_t left = end_ns - zoe_now_ns();
	struct timespec slice;

	if (left <= 0)
		return 0;
	if (left > SLICE_NS)
		left = SLICE_NS;
	slice = (struct timespec){.tv_nsec = left};
	/* W3, G4: sleep, unless the word has moved since it was looked at */
	if (syscall(SYS_futex, low_half(word), FUTEX_WAIT, (uint32_t)value, &slice, NULL, 0) < 0 && errno == EINTR)
		return -EINTR;
	return 0;
}

int64_t zi_deadline(int64_t timeout_ns)
{
	int64_t now = zoe_now_ns();

	return timeout_ns > INT64_MAX - now ? INT64_MAX : now + timeout_ns;
}

int zi_fifo_open(int topic_fd, unsigned record, bool make, mode_t mode)
{
	char path[32];
	struct stat st;

	snprintf(path, sizeof(path), "wake/%u", record);
	if (make && mkfifoat(topic_fd, path, mode) < 0 && errno != EEXIST)
		return zi_fail(-errno, "cannot make a FIFO to wake this subscriber: %s", strerror(errno));
	/* O_RDWR: a writer never meets SIGPIPE, a reader never the end of file */
	zi_autoclose int fd = openat(topic_fd, path, O_RDWR | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return make ? zi_open_failed("the FIFO to wake this subscriber") : -errno;
	if (fstat(fd, &st) < 0)
		return zi_fail(-errno, "cannot look at the FIFO to wake this subscriber: %s", strerror(errno));
	if (!S_ISFIFO(st.st_mode))
		return make ? zi_fail(-EBADMSG, "%s of this topic is no FIFO; run zoetrope clean", path) : -EBADMSG;
	if (make)
		fchmod(fd, mode); /* the umask; not ours if an earlier owner made it, who did the same */
	return zi_steal_fd(&fd);
}

void zi_fifo_signal(int fifo)
{
	char byte = 1;

	/* a full FIFO is readable already: nothing to do then */
	while (write(fifo, &byte, 1) < 0 && errno == EINTR)
		;
}

void zi_fifo_drain(int fifo)
{
	char bytes[256];

	while (read(fifo, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		;
}
