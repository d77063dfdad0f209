/* SPDX-License-Identifier: Apache-2.0 */
/* Lock bytes and join locks. See alive.h; docs/transport.md "Life and death" says why it is done so. */
#include "alive.h"
#include "error.h"
#include "layout.h"
#include "zoetrope.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

/* Behind all records' bytes. */
#define JOIN_BYTE 4096
/* No kernel knows this one: -EINVAL. */
#define NO_ADVICE 0x7fff

static int lock_byte(int fd, short type, off_t byte)
{
	struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_start = byte, .l_len = 1};

	if (fcntl(fd, F_OFD_SETLK, &lock) == 0)
		return 0;
	return errno == EACCES ? -EAGAIN : -errno;
}

int zi_alive_borrow(int directory, const char *file, unsigned record)
{
	zi_autoclose int fd = openat(directory, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	int status;

	if (fd < 0)
		return zi_open_failed("%s to lock a record", file);
	status = lock_byte(fd, F_WRLCK, record);
	if (status == -EAGAIN)
		return status;
	if (status < 0)
		return zi_fail(status, "cannot lock record %u of %s: %s", record, file, strerror(-status));
	return zi_steal_fd(&fd);
}

int zi_alive_take(int directory, const char *file, unsigned record, void **out_lock)
{
	zi_autoclose int fd = zi_alive_borrow(directory, file, record);
	void *map;

	if (fd < 0)
		return fd;
	/* PROT_NONE: the page is never touched, it only holds the description, and with it the lock */
	map = mmap(NULL, ZI_PAGE, PROT_NONE, MAP_SHARED, fd, 0);
	if (map == MAP_FAILED && errno == ENODEV)
		return zi_fail(-EBADMSG, "the topic is damaged: %s is no file; run zoetrope clean", file);
	if (map == MAP_FAILED)
		return zi_fail(-errno, "cannot map a page of %s to hold its lock: %s", file, strerror(errno));
	if (madvise(map, ZI_PAGE, MADV_DONTFORK) < 0) {
		int status = -errno;

		munmap(map, ZI_PAGE);
		return zi_fail(status, "cannot keep the lock of %s from forked children: %s", file, strerror(-status));
	}
	*out_lock = map;
	return 0;
}

void zi_alive_drop(void *lock)
{
	if (lock)
		munmap(lock, ZI_PAGE);
}

bool zi_alive_any(int fd, unsigned first, unsigned count)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = first, .l_len = count};

	/* an answer that cannot be had counts as alive: nothing is taken from somebody who may live */
	return fcntl(fd, F_OFD_GETLK, &lock) < 0 || lock.l_type != F_UNLCK;
}

int zi_join_lock(int fd, int64_t timeout_ns)
{
	int64_t end = zoe_now_ns() + timeout_ns;
	const struct timespec pause = {.tv_nsec = 500000};

	for (;;) {
		int status = lock_byte(fd, F_WRLCK, JOIN_BYTE);

		if (status == 0)
			return 0;
		if (status != -EAGAIN)
			return zi_fail(status, "cannot lock the topic for joining: %s", strerror(-status));
		if (zoe_now_ns() > end)
			return zi_fail(-EBUSY,
			               "somebody has been joining this topic for %lld ms and does not finish; is a "
			               "process stopped?",
			               (long long)(timeout_ns / 1000000));
		nanosleep(&pause, NULL);
	}
}

void zi_join_unlock(int fd)
{
	/* fails for want of kernel memory only, and for a moment */
	for (unsigned tries = 0; lock_byte(fd, F_UNLCK, JOIN_BYTE) < 0 && tries < 1000; tries++)
		;
}

/* qemu-user 7.2 says yes to all advice and does nothing; it is found out by advice that does not exist. */
static bool wipes_on_fork(void *page)
{
	return madvise(page, ZI_PAGE, MADV_WIPEONFORK) == 0 && madvise(page, ZI_PAGE, NO_ADVICE) < 0;
}

int zi_fork_mark(struct zi_fork_mark **out)
{
	struct zi_fork_mark *mark = mmap(NULL, ZI_PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (mark == MAP_FAILED)
		return zi_fail(-ENOMEM, "no memory for a page");
	*mark = (struct zi_fork_mark){.here = wipes_on_fork(mark) ? 1 : 2, .pid = getpid()};
	*out = mark;
	return 0;
}

void zi_fork_unmark(struct zi_fork_mark *mark)
{
	if (mark)
		munmap(mark, ZI_PAGE);
}
