/* SPDX-License-Identifier: Apache-2.0 */
/* See state.h. */
#include "state.h"
#include "calls.h"
#include "check.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdlib.h>

#define DESCRIPTORS_MAX 256

static char *list; /* nftw() hands its visitor nothing */
static size_t list_size, list_used;

static int visit(const char *path, const struct stat *st, int type, struct FTW *where)
{
	const char *name = path + where->base;

	(void)st;
	(void)type;
	if (!strncmp(name, ".new-", 5) || !strncmp(name, ".old-", 5))
		return FTW_SKIP_SUBTREE;
	if (where->level == 0 || strstr(path, "/wake/"))
		return FTW_CONTINUE;
	list_used += (size_t)snprintf(list + list_used, list_size - list_used, "%s\n", path);
	CHECK(list_used < list_size);
	return FTW_CONTINUE;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Directories are read in any order. */
static void sort_lines(char *text, size_t size)
{
	char *lines[200], *copy = strdup(text), *rest = copy, *line;
	unsigned count = 0;
	size_t used = 0;

	CHECK(copy != NULL);
	while ((line = strsep(&rest, "\n")) && *line && count < 200)
		lines[count++] = line;
	qsort(lines, count, sizeof(lines[0]), by_text);
	for (unsigned i = 0; i < count; i++)
		used += (size_t)snprintf(text + used, size - used, "%s\n", lines[i]);
	free(copy);
}

static unsigned descriptors(void)
{
	unsigned count = 0;

	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

void state_look(struct zoe_domain *domain, const char *topic, struct state *out)
{
	*out = (struct state){.descriptors = descriptors(), .mapped_bytes = calls_mapped_bytes()};
	list = out->files;
	list_size = sizeof(out->files);
	list_used = 0;
	nftw(getenv("ZOETROPE_DOMAIN"), visit, 20, FTW_PHYS | FTW_ACTIONRETVAL);
	sort_lines(out->files, sizeof(out->files));
	out->topic = domain ? zoe_topic_info(domain, topic, &out->info) : 0;
}

#define SAME(member)                                                                                             \
	if (before->info.member != now->info.member)                                                             \
	check_failed(__FILE__, __LINE__, "%s: " #member " is %lld, was %lld", what, (long long)now->info.member, \
	             (long long)before->info.member)

void state_compare(const struct state *before, const struct state *now, const char *what)
{
	if (before->descriptors != now->descriptors)
		check_failed(__FILE__, __LINE__, "%s: %u descriptors, %u before", what, now->descriptors,
		             before->descriptors);
	if (before->mapped_bytes != now->mapped_bytes)
		check_failed(__FILE__, __LINE__, "%s: %zu bytes mapped, %zu before", what, now->mapped_bytes,
		             before->mapped_bytes);
	if (strcmp(before->files, now->files) != 0)
		check_failed(__FILE__, __LINE__, "%s: files are\n%sbefore\n%s", what, now->files, before->files);
	if (before->topic != now->topic)
		check_failed(__FILE__, __LINE__, "%s: zoe_topic_info() gives %d, gave %d", what, now->topic,
		             before->topic);
	SAME(next_seq);
	SAME(generation);
	SAME(slots);
	SAME(slots_free);
	SAME(slots_loaned);
	SAME(slots_kept);
	SAME(slots_pinned);
	SAME(publishers);
	SAME(subscribers);
	SAME(dead);
}
#undef SAME
