/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The life of a topic's directory. It is made complete under a temporary name and renamed into place, so that nobody
 * ever sees half of it, and renamed away before its files go. docs/transport.md "Join" and "Stale topics".
 */
#include "topic.h"
#include "alive.h"
#include "error.h"
#include "shape.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#define TEMPORARY_NEW ".new-"
#define TEMPORARY_OLD ".old-"
#define FIRST         "1" /* generation */

int zi_topic_directory(const char *topic, char out[ZOE_TOPIC_NAME_MAX + 1])
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-/";
	size_t length = strlen(topic);

	if (length == 0 || length > ZOE_TOPIC_NAME_MAX)
		return zi_fail(-EINVAL, "topic name has %zu characters; 1 to %d are possible", length,
		               ZOE_TOPIC_NAME_MAX);
	if (strspn(topic, allowed) != length || topic[0] == '/' || topic[length - 1] == '/' || strstr(topic, "//"))
		return zi_fail(
		    -EINVAL, "topic name \"%s\" is not made of letters, digits, _ and -, in parts joined by /", topic);
	for (size_t i = 0; i <= length; i++)
		out[i] = topic[i] == '/' ? '.' : topic[i];
	return 0;
}

static void temporary_name(const char *prefix, char out[32])
{
	uint64_t random = 0;

	if (getrandom(&random, sizeof(random), 0) != (ssize_t)sizeof(random))
		random = (uint64_t)zoe_now_ns() ^ (uint64_t)getpid() << 40;
	snprintf(out, 32, "%s%016llx", prefix, (unsigned long long)random);
}

/* ---- open --------------------------------------------------------------------------------------------------- */

/* O_NONBLOCK: a FIFO in the place of a file must not hold us up. */
static int topic_files(struct zi_topic *t, const char *topic, bool writable)
{
	t->readers_fd = openat(t->fd, "readers", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (t->readers_fd < 0)
		return errno == ENOENT
		           ? zi_fail(-EBADMSG, "topic %s is damaged: no file readers; run zoetrope clean", topic)
		           : zi_open_failed("readers of topic %s", topic);
	t->writers_fd = openat(t->fd, "writers", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (t->writers_fd < 0 && !writable) /* a subscriber needs it only to ask */
		t->writers_fd = openat(t->fd, "writers", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (t->writers_fd < 0)
		return errno == ENOENT
		           ? zi_fail(-EBADMSG, "topic %s is damaged: no file writers; run zoetrope clean", topic)
		           : zi_open_failed("writers of topic %s", topic);
	return 0;
}

static bool same_directory(int domain_fd, const char *directory, int fd)
{
	struct stat by_name, by_fd;

	return fstatat(domain_fd, directory, &by_name, AT_SYMLINK_NOFOLLOW) == 0 && fstat(fd, &by_fd) == 0 &&
	       by_name.st_dev == by_fd.st_dev && by_name.st_ino == by_fd.st_ino;
}

static int topic_open_at(struct zoe_domain *domain, const char *directory, const char *topic, bool writable,
                         struct zi_topic *out)
{
	struct zi_topic t = {.domain = domain, .fd = -1, .readers_fd = -1, .writers_fd = -1};
	int status;

	snprintf(t.name, sizeof(t.name), "%s", topic);
	t.fd = openat(domain->fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (t.fd < 0)
		return errno == ENOENT ? -ENOENT : zi_open_failed("topic %s", topic);
	status = topic_files(&t, topic, writable);
	if (status == 0)
		status = zi_readers_map(t.readers_fd, topic, true, &t.readers);
	if (status == 0)
		status = zi_shape_newest(&t, writable, &t.generation);
	if (status < 0) {
		/* what is missing in it may be missing because it is being removed */
		if (status == -EBADMSG && !same_directory(domain->fd, directory, t.fd))
			status = -ENOENT;
		zi_topic_close(&t);
		return status;
	}
	*out = t;
	return 0;
}

int zi_topic_open(struct zoe_domain *domain, const char *topic, bool writable, struct zi_topic *out)
{
	char directory[ZOE_TOPIC_NAME_MAX + 1];
	int status = zi_topic_directory(topic, directory);

	return status < 0 ? status : topic_open_at(domain, directory, topic, writable, out);
}

void zi_topic_close(struct zi_topic *t)
{
	while (t->generation) {
		struct zi_generation *older = t->generation->older;

		zi_generation_close(t->generation);
		t->generation = older;
	}
	zi_unmap(t->readers, sizeof(struct zi_readers));
	if (t->writers_fd >= 0)
		close(t->writers_fd);
	if (t->readers_fd >= 0)
		close(t->readers_fd);
	if (t->fd >= 0)
		close(t->fd);
	*t = (struct zi_topic){.fd = -1, .readers_fd = -1, .writers_fd = -1};
}

const struct zi_modes *zi_topic_modes(const struct zi_topic *t)
{
	return &t->domain->modes;
}

bool zi_topic_current(const struct zi_topic *t)
{
	char directory[ZOE_TOPIC_NAME_MAX + 1];

	return zi_topic_directory(t->name, directory) == 0 && same_directory(t->domain->fd, directory, t->fd);
}

bool zi_topic_alive(const struct zi_topic *t)
{
	return zi_alive_any(t->writers_fd, 0, ZI_PUBLISHERS_MAX) || zi_alive_any(t->readers_fd, 0, ZI_SUBSCRIBERS_MAX);
}

/* ---- remove ------------------------------------------------------------------------------------------------- */

/* Remove a directory of ours and what is in it; depth bounds the walk, symbolic links are not followed. */
static void remove_tree(int parent, const char *name, unsigned depth)
{
	int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);

	if (!dir) {
		if (fd >= 0)
			close(fd);
		unlinkat(parent, name, 0);
		return;
	}
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		if (!strcmp(entry->d_name, ".") || !strcmp(entry->d_name, ".."))
			continue;
		if (entry->d_type == DT_DIR && depth > 0)
			remove_tree(fd, entry->d_name, depth - 1);
		else
			unlinkat(fd, entry->d_name, 0);
	}
	closedir(dir);
	unlinkat(parent, name, AT_REMOVEDIR);
}

void zi_topic_remove_tree(int parent, const char *name)
{
	remove_tree(parent, name, 2);
}

static int rename_away(struct zoe_domain *domain, const char *directory)
{
	char away[32];

	temporary_name(TEMPORARY_OLD, away);
	if (renameat(domain->fd, directory, domain->fd, away) < 0)
		return zi_fail(-errno, "cannot remove the stale topic %s: %s", directory, strerror(errno));
	zi_topic_remove_tree(domain->fd, away);
	return 1;
}

/* Both join locks are held from the look to the rename: whoever joins meanwhile waits, then sees that the name moved
 * on. */
static int remove_locked(struct zoe_domain *domain, const char *directory, int fd, int writers, int readers)
{
	if (!same_directory(domain->fd, directory, fd))
		return 0;
	if (writers >= 0 && zi_alive_any(writers, 0, ZI_PUBLISHERS_MAX))
		return 0;
	if (readers >= 0 && zi_alive_any(readers, 0, ZI_SUBSCRIBERS_MAX))
		return 0;
	return rename_away(domain, directory);
}

static bool has_entry(int directory, const char *name)
{
	struct stat st;

	return fstatat(directory, name, &st, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Nobody can join by a file that is not there or is a link: then there is nothing to lock, and *out is -1. */
static bool lock_joining(int directory, const char *file, int64_t timeout_ns, int *out)
{
	*out = openat(directory, file, O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (*out < 0)
		return errno == ENOENT || errno == ELOOP || errno == EISDIR;
	return zi_join_lock(*out, timeout_ns) == 0; /* a holder is somebody alive */
}

/* Asked without a lock, so it says no more than that the topic is not to be removed now. */
static bool somebody_there(int directory)
{
	zi_autoclose int writers = openat(directory, "writers", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	zi_autoclose int readers = openat(directory, "readers", O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	return (writers >= 0 && zi_alive_any(writers, 0, ZI_PUBLISHERS_MAX)) ||
	       (readers >= 0 && zi_alive_any(readers, 0, ZI_SUBSCRIBERS_MAX));
}

int zi_topic_remove_stale(struct zoe_domain *domain, const char *directory, int64_t timeout_ns)
{
	zi_autoclose int fd = openat(domain->fd, directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	zi_autoclose int writers = -1;
	zi_autoclose int readers = -1;

	if (fd < 0)
		return 0;       /* gone, or not ours to remove */
	if (somebody_there(fd)) /* not worth a wait for the locks: a joiner that is stopped may hold one */
		return 0;
	if (!lock_joining(fd, "writers", timeout_ns, &writers) || !lock_joining(fd, "readers", timeout_ns, &readers))
		return 0;
	if (!has_entry(fd, "writers") && !has_entry(fd, "readers") && !has_entry(fd, "wake"))
		return 0; /* no topic, but a directory that somebody else put here */
	return remove_locked(domain, directory, fd, writers, readers);
}

/* The maker of a temporary topic holds publisher byte 0 from the moment the file writers is there. */
static bool temporary_abandoned(struct zoe_domain *domain, const char *name)
{
	zi_autoclose int fd = openat(domain->fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	zi_autoclose int writers = fd < 0 ? -1 : openat(fd, "writers", O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	if (fd < 0)
		return false;
	return writers < 0 || !zi_alive_any(writers, 0, ZI_PUBLISHERS_MAX);
}

int zi_topic_sweep(struct zoe_domain *domain)
{
	int fd = openat(domain->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int removed = 0;

	if (!dir) {
		if (fd >= 0)
			close(fd);
		return 0;
	}
	for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
		bool old = !strncmp(entry->d_name, TEMPORARY_OLD, strlen(TEMPORARY_OLD));
		bool new = !strncmp(entry->d_name, TEMPORARY_NEW, strlen(TEMPORARY_NEW));

		if (old) {
			zi_topic_remove_tree(domain->fd, entry->d_name);
			removed++;
		} else if (new &&temporary_abandoned(domain, entry->d_name)) {
			/* its maker may live, and put it in place meanwhile: by renaming, one of the two comes first */
			removed += rename_away(domain, entry->d_name) > 0;
		}
	}
	closedir(dir);
	return removed;
}

/* ---- make --------------------------------------------------------------------------------------------------- */

int zi_topic_make_directory(int parent, const char *name, mode_t mode)
{
	if (mkdirat(parent, name, mode & 0777) < 0 || fchmodat(parent, name, mode, 0) < 0)
		return zi_fail(-errno, "cannot make the directory %s in the domain: %s", name, strerror(errno));
	return 0;
}

static int make_files(struct zoe_domain *domain, const char *temporary, const struct zi_shape *shape, void **out_lock)
{
	const struct zi_modes *modes = &domain->modes;
	zi_autoclose int fd = openat(domain->fd, temporary, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);

	if (fd < 0)
		return zi_open_failed("a new topic");
	zi_autoclose int writers = zi_file_create(fd, "writers", 0, false, modes->file);

	if (writers < 0)
		return writers;
	int status = zi_alive_take(fd, "writers", 0, out_lock);

	if (status == 0)
		status = zi_readers_create(fd, modes->file);
	if (status == 0)
		status = zi_topic_make_directory(fd, "wake", modes->sticky);
	if (status == 0)
		status = zi_topic_make_directory(fd, FIRST, modes->directory);
	if (status < 0)
		return status;
	zi_autoclose int generation = openat(fd, FIRST, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (generation < 0)
		return zi_fail(-errno, "cannot open a new generation: %s", strerror(errno));
	return zi_generation_create(generation, shape, 0, modes->file);
}

int zi_topic_make(struct zoe_domain *domain, const char *topic, const struct zi_shape *shape, struct zi_topic *out,
                  void **out_lock)
{
	char temporary[32];
	int status;

	*out_lock = NULL;
	temporary_name(TEMPORARY_NEW, temporary);
	status = zi_topic_make_directory(domain->fd, temporary, domain->modes.directory);
	if (status < 0)
		return status;
	status = make_files(domain, temporary, shape, out_lock);
	if (status == 0)
		status = topic_open_at(domain, temporary, topic, true, out);
	if (status < 0) {
		zi_topic_remove_tree(domain->fd, temporary);
		zi_alive_drop(*out_lock);
		*out_lock = NULL;
		return status;
	}
	snprintf(out->temporary, sizeof(out->temporary), "%s", temporary);
	return 0;
}

int zi_topic_settle(struct zi_topic *t)
{
	char directory[ZOE_TOPIC_NAME_MAX + 1];
	int status = zi_topic_directory(t->name, directory);

	if (status == 0 && renameat2(t->domain->fd, t->temporary, t->domain->fd, directory, RENAME_NOREPLACE) < 0) {
		/* ENOENT: it was swept away before we held its byte */
		status = errno == EEXIST || errno == ENOTEMPTY || errno == ENOENT
		             ? -EEXIST
		             : zi_fail(-errno, "cannot put the new topic %s in place: %s", t->name, strerror(errno));
	}
	if (status < 0)
		zi_topic_remove_tree(t->domain->fd, t->temporary);
	t->temporary[0] = '\0';
	return status;
}
