/* SPDX-License-Identifier: Apache-2.0 */
/* The domain's directory: open with its modes checked, list topics, clean. */
#include "error.h"
#include "repair.h"
#include "topic.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* One user (0700) or one group (setgid, not sticky, nothing for others): said by the directory's own mode. */
static int check_directory(const char *path, const struct stat *st, struct zi_modes *out)
{
	bool group = st->st_mode & S_ISGID;

	if (st->st_mode & S_IWOTH)
		return zi_fail(
		    -EPERM,
		    "domain %s may be written by everybody (mode %04o), so anybody could damage what is in it; "
		    "give it mode 0700, or 2770 for a group",
		    path, st->st_mode & 07777);
	if (!group && st->st_uid != geteuid() && geteuid() != 0)
		return zi_fail(
		    -EPERM,
		    "domain %s belongs to user %u, not to you (%u); set ZOETROPE_DOMAIN to a directory of yours", path,
		    st->st_uid, geteuid());
	*out = group ? (struct zi_modes){.directory = 02770, .file = 0660, .sticky = 03770}
	             : (struct zi_modes){.directory = 0700, .file = 0600, .sticky = 01700};
	return 0;
}

static int domain_path(const char *path, char **out)
{
	char fallback[64];

	if (!path || !*path)
		path = secure_getenv("ZOETROPE_DOMAIN");
	if (!path || !*path) {
		snprintf(fallback, sizeof(fallback), "/dev/shm/zoetrope-%u", geteuid());
		path = fallback;
	}
	if (strlen(path) > PATH_MAX - ZOE_TOPIC_NAME_MAX - 32)
		return zi_fail(-ENAMETOOLONG, "the domain's path is %zu characters long", strlen(path));
	*out = strdup(path);
	return *out ? 0 : zi_fail(-ENOMEM, "no memory");
}

static int domain_directory(struct zoe_domain *domain)
{
	struct stat st;

	if (mkdir(domain->path, 0700) < 0 && errno != EEXIST)
		return zi_fail(-errno, "cannot make the domain %s: %s", domain->path, strerror(errno));
	domain->fd = open(domain->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (domain->fd < 0)
		return zi_fail(-errno, "cannot open the domain %s: %s", domain->path, strerror(errno));
	if (fstat(domain->fd, &st) < 0)
		return zi_fail(-errno, "cannot look at the domain %s: %s", domain->path, strerror(errno));
	return check_directory(domain->path, &st, &domain->modes);
}

int zoe_domain_open(const char *path, struct zoe_domain **out_domain)
{
	struct zoe_domain *domain = calloc(1, sizeof(*domain));
	int status;

	if (!domain)
		return zi_fail(-ENOMEM, "no memory");
	domain->fd = -1;
	status = domain_path(path, &domain->path);
	if (status == 0)
		status = domain_directory(domain);
	if (status < 0) {
		zoe_domain_close(domain);
		return status;
	}
	*out_domain = domain;
	return 0;
}

void zoe_domain_close(struct zoe_domain *domain)
{
	if (!domain)
		return;
	if (domain->fd >= 0)
		close(domain->fd);
	free(domain->path);
	free(domain);
}

const char *zoe_domain_path(const struct zoe_domain *domain)
{
	return domain->path;
}

/* A directory is a topic if its name is one and it has the files that every topic has. */
static int is_topic(const struct dirent *entry)
{
	static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-.";

	return entry->d_name[0] != '.' && (entry->d_type == DT_DIR || entry->d_type == DT_UNKNOWN) &&
	       strlen(entry->d_name) <= ZOE_TOPIC_NAME_MAX && strspn(entry->d_name, allowed) == strlen(entry->d_name);
}

/* Names of all topics' directories, sorted. Returns their number | -errno; free each and the array. */
static int directories(struct zoe_domain *domain, struct dirent ***out)
{
	int count = scandirat(domain->fd, ".", out, is_topic, alphasort);

	return count < 0 ? zi_fail(-errno, "cannot read the domain %s: %s", domain->path, strerror(errno)) : count;
}

int zoe_domain_list(struct zoe_domain *domain, int (*visit)(const char *topic, void *user), void *user)
{
	struct dirent **entries;
	int count = directories(domain, &entries), status = 0;

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		for (char *c = entries[i]->d_name; *c; c++)
			*c = *c == '.' ? '/' : *c;
		if (status == 0)
			status = visit(entries[i]->d_name, user);
		free(entries[i]);
	}
	free(entries);
	return status;
}

/* Clear the records of the dead in a topic that has living ones as well. */
static void repair_topic(struct zoe_domain *domain, const char *directory)
{
	char name[ZOE_TOPIC_NAME_MAX + 1];
	struct zi_topic topic;

	snprintf(name, sizeof(name), "%s", directory);
	for (char *c = name; *c; c++)
		*c = *c == '.' ? '/' : *c;
	if (zi_topic_open(domain, name, true, &topic) == 0) {
		zi_repair_dead(&topic, true);
		zi_topic_close(&topic);
	}
}

int zoe_domain_clean(struct zoe_domain *domain)
{
	struct dirent **entries;
	int count = directories(domain, &entries), removed = 0;

	if (count < 0)
		return count;
	for (int i = 0; i < count; i++) {
		int gone = zi_topic_remove_stale(domain, entries[i]->d_name, ZI_JOIN_TIMEOUT_NS);

		if (gone > 0)
			removed++;
		else
			repair_topic(domain, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return removed + zi_topic_sweep(domain);
}
