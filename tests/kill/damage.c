/* SPDX-License-Identifier: Apache-2.0 */
/* See damage.h. What has to be undone is noted in the stage before it is done, so that a death in between is none. */
#include "damage.h"
#include "stage.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void path_of(const char *path, const char *suffix, char out[512])
{
	snprintf(out, 512, "%s/%s/%s%s", stage->domain, TOPIC, path, suffix);
}

static void must(int status, const char *what, const char *path)
{
	if (status < 0)
		party_fail("damage: cannot %s %s: %m", what, path);
}

static int open_path(const char *path)
{
	char full[512];
	int fd;

	path_of(path, "", full);
	fd = open(full, O_RDWR | O_CLOEXEC);
	must(fd, "open", full);
	return fd;
}

static struct damage *note(const char *path)
{
	struct damage *d = &stage->damage[stage->damages];

	if (stage->damages == DAMAGES_MAX)
		party_fail("damage: more than %d", DAMAGES_MAX);
	*d = (struct damage){.kind = DAMAGE_NONE};
	snprintf(d->path, sizeof(d->path), "%s", path);
	stage->damages++;
	return d;
}

void damage_bytes(const char *path, uint64_t offset, const void *bytes, size_t size)
{
	struct damage *d = note(path);
	int fd = open_path(path);

	must(size <= sizeof(d->bytes) ? 0 : -1, "remember", path);
	must(pread(fd, d->bytes, size, (off_t)offset) == (ssize_t)size ? 0 : -1, "read", path);
	d->offset = offset;
	d->size = size;
	d->kind = DAMAGE_BYTES;
	must(pwrite(fd, bytes, size, (off_t)offset) == (ssize_t)size ? 0 : -1, "write", path);
	close(fd);
}

void damage_word(const char *path, uint64_t offset, uint64_t word)
{
	damage_bytes(path, offset, &word, sizeof(word));
}

uint64_t damage_read(const char *path, uint64_t offset)
{
	int fd = open_path(path);
	uint64_t word = 0;

	must(pread(fd, &word, sizeof(word), (off_t)offset) == sizeof(word) ? 0 : -1, "read", path);
	close(fd);
	return word;
}

void damage_size(const char *path)
{
	struct damage *d = note(path);
	int fd = open_path(path);
	struct stat st;

	must(fstat(fd, &st), "look at", path);
	d->offset = (uint64_t)st.st_size;
	d->kind = DAMAGE_SIZE;
	must(ftruncate(fd, st.st_size + 1), "lengthen", path);
	close(fd);
}

void damage_place(const char *path, enum damage_by by)
{
	char here[512], away[512];

	path_of(path, "", here);
	path_of(path, ".away", away);
	note(path)->kind = DAMAGE_PLACE;
	must(rename(here, away), "move away", here);
	if (by == BY_FILE)
		must(mknod(here, S_IFREG | 0600, 0), "make", here);
	else if (by == BY_LINK)
		must(symlink("/dev/null", here), "make", here);
}

void damage_make(const char *path, enum damage_made made)
{
	char here[512];

	path_of(path, "", here);
	note(path)->kind = DAMAGE_MADE;
	must(made == A_DIRECTORY ? mkdir(here, 0700) : mknod(here, S_IFREG | 0600, 0), "make", here);
}

static void undo(const struct damage *d)
{
	char here[512], away[512];
	int fd;

	if (d->kind == DAMAGE_PLACE) {
		path_of(d->path, "", here);
		path_of(d->path, ".away", away);
		if (access(away, F_OK) == 0) {
			unlink(here);
			rename(away, here);
		}
	} else if (d->kind == DAMAGE_MADE) {
		path_of(d->path, "", here);
		remove(here);
	} else if (d->kind != DAMAGE_NONE) {
		fd = open_path(d->path);
		if (d->kind == DAMAGE_SIZE)
			must(ftruncate(fd, (off_t)d->offset), "shorten", d->path);
		else
			must(pwrite(fd, d->bytes, d->size, (off_t)d->offset) == (ssize_t)d->size ? 0 : -1, "mend",
			     d->path);
		close(fd);
	}
}

void damage_undo(void)
{
	for (; stage->damages; stage->damages--)
		undo(&stage->damage[stage->damages - 1]);
}

void damage_for_good(void)
{
	stage->damages = 0;
}
