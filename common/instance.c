/* SPDX-License-Identifier: Apache-2.0 */
/* Lock file and socket of a domain's control process. */
#include "instance.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

static int open_lock(const char *domain, int flags)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/control.lock", domain);
	int fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW | flags, 0600);
	return fd < 0 ? -errno : fd;
}

/* Whoever unlocks removes the file first: is what we have locked still the file of that name? */
static bool is_current(const char *domain, int fd)
{
	struct stat ours, named;
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/control.lock", domain);
	return !fstat(fd, &ours) && !stat(path, &named) && ours.st_ino == named.st_ino && ours.st_dev == named.st_dev;
}

static pid_t holder(int fd)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};

	if (fcntl(fd, F_GETLK, &lock) < 0 || lock.l_type == F_UNLCK)
		return 0;
	return lock.l_pid;
}

int instance_lock(const char *domain, int *out_fd, pid_t *out_other)
{
	for (;;) {
		struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
		int fd = open_lock(domain, O_CREAT);
		if (fd < 0)
			return fd;
		if (fcntl(fd, F_SETLK, &lock) < 0) {
			int status = errno == EAGAIN || errno == EACCES ? -EBUSY : -errno;
			*out_other = holder(fd);
			close(fd);
			return status;
		}
		if (is_current(domain, fd)) {
			*out_fd = fd;
			return 0;
		}
		close(fd);
	}
}

void instance_unlock(const char *domain, int fd)
{
	char path[PATH_MAX];

	snprintf(path, sizeof path, "%s/control.sock", domain);
	unlink(path);
	snprintf(path, sizeof path, "%s/control.lock", domain);
	unlink(path);
	close(fd);
}

void instance_remove_directory(const char *domain)
{
	struct stat found;

	if (!stat(domain, &found) && !(found.st_mode & S_ISGID))
		rmdir(domain); /* what is not empty stays */
}

pid_t instance_running(const char *domain)
{
	int fd = open_lock(domain, 0);

	if (fd < 0)
		return fd == -ENOENT ? 0 : fd;
	pid_t pid = holder(fd);
	close(fd);
	return pid;
}

/* The directory through /proc/self/fd: the address has 108 bytes, a domain's path may be longer. */
static int make_socket(const char *domain, struct sockaddr_un *out, int *out_folder)
{
	int folder = open(domain, O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return -errno;
	*out = (struct sockaddr_un){.sun_family = AF_UNIX};
	snprintf(out->sun_path, sizeof out->sun_path, "/proc/self/fd/%d/control.sock", folder);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0) {
		int status = -errno;
		close(folder);
		return status;
	}
	*out_folder = folder;
	return fd;
}

int instance_listen(const char *domain)
{
	struct sockaddr_un address;
	int folder = -1, status = 0;
	int fd = make_socket(domain, &address, &folder);

	if (fd < 0)
		return fd;
	unlinkat(folder, "control.sock", 0); /* of one that was killed: we hold the lock */
	mode_t mask = umask(0177);
	if (bind(fd, (struct sockaddr *)&address, sizeof address) < 0 || listen(fd, 16) < 0)
		status = -errno;
	umask(mask);
	close(folder);
	if (status < 0) {
		close(fd);
		return status;
	}
	return fd;
}

int instance_connect(const char *domain)
{
	struct sockaddr_un address;
	int folder = -1, status = 0;
	int fd = make_socket(domain, &address, &folder);

	if (fd < 0)
		return fd;
	if (connect(fd, (struct sockaddr *)&address, sizeof address) < 0)
		status = -errno;
	close(folder);
	if (status < 0) {
		close(fd);
		return status;
	}
	return fd;
}
