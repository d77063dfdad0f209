/* SPDX-License-Identifier: Apache-2.0 */
/* Those who look whether all is well: the cleaner in the midst of it, the referee when all others were killed. */
#include "chaos.h"
#include "lib/layout.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void doing(struct party *me, enum call call)
{
	atomic_store(&me->doing, call);
	atomic_fetch_add(&me->beat, 1);
}

/* ---- the cleaner -------------------------------------------------------------------------------------------- */

static int look_at_party(const struct zoe_party *party, void *user)
{
	struct party *me = user;

	if (party->pins > 16 || party->record >= 64)
		chaos_fail(me, "a party that cannot be", party->record, party->pins);
	return 0;
}

static void look(struct party *me, struct zoe_domain *domain)
{
	struct zoe_topic_info info;
	int status;

	doing(me, LOOK);
	status = zoe_topic_info(domain, CHAOS_TOPIC, &info);
	doing(me, IDLE);
	if (status < 0 && status != -ENOENT)
		chaos_fail(me, "no info", 0, (uint64_t)-status);
	if (status == 0 && info.slots_free + info.slots_loaned + info.slots_kept + info.slots_quarantined != info.slots)
		chaos_fail(me, "slots that are nowhere", info.slots_free, info.slots);
	doing(me, LOOK);
	status = zoe_topic_parties(domain, CHAOS_TOPIC, look_at_party, me);
	doing(me, IDLE);
	if (status < 0 && status != -ENOENT)
		chaos_fail(me, "no parties", 0, (uint64_t)-status);
}

void chaos_clean(struct party *me, struct dice *dice)
{
	struct zoe_domain *domain = NULL;

	if (zoe_domain_open(NULL, &domain) < 0)
		chaos_fail(me, "no domain", 0, 0);
	while (domain && !atomic_load(&me->quit)) {
		look(me, domain);
		if (dice_hit(dice, 300)) {
			doing(me, CLEAN);
			int status = zoe_domain_clean(domain);

			doing(me, IDLE);
			if (status < 0)
				chaos_fail(me, "not cleaned", 0, (uint64_t)-status);
		}
		chaos_pause(dice_roll(dice, 100000));
	}
	zoe_domain_close(domain);
}

/* ---- the referee -------------------------------------------------------------------------------------------- */

/* What a killed process left is gone once a publisher has joined. */
static void check_repaired(const struct party *me, struct zoe_domain *domain, unsigned publishers)
{
	struct zoe_topic_info info = {0};

	if (zoe_topic_info(domain, CHAOS_TOPIC, &info) < 0)
		chaos_fail(me, "no info", 0, 0);
	if (publishers)
		atomic_fetch_add(&chaos->shapes, info.generation);
	if (info.slots_loaned)
		chaos_fail(me, "slots loaned by the dead", info.slots_loaned, info.generation);
	if (info.slots_pinned)
		chaos_fail(me, "slots pinned by the dead", info.slots_pinned, info.generation);
	if (info.dead)
		chaos_fail(me, "records of the dead", info.dead, 0);
	if (info.publishers != publishers || info.subscribers != 1)
		chaos_fail(me, "more parties than live", info.publishers, info.subscribers);
	if (info.slots_free + info.slots_kept != info.slots)
		chaos_fail(me, "slots that are nowhere", info.slots_free, info.slots_kept);
}

static void pass_one(struct party *me, struct zoe_publisher *pub, struct zoe_subscriber *sub, uint64_t *next)
{
	const uint64_t count = atomic_fetch_add(&me->count, 1) + 1;
	struct zoe_loan loan;
	struct zoe_frame frame;
	uint64_t seq;

	doing(me, PUBLISH);
	if (zoe_loan(pub, content_bytes(50), &loan) < 0) {
		chaos_fail(me, "no loan", count, 0);
		return;
	}
	content_fill(loan.data, me->number, count, 50);
	if (zoe_publish(pub, &loan, &seq) < 0)
		chaos_fail(me, "not published", count, 0);
	else if ((*next && seq != *next) || !chaos_ledger(seq, me->number, count))
		chaos_fail(me, "number given twice, or one left out", seq, *next);
	*next = seq + 1;
	doing(me, TAKE);
	int status = zoe_take_next(sub, 0, &frame);

	if (status < 0)
		chaos_fail(me, "not taken", seq, (uint64_t)-status);
	else if (frame.seq != seq || frame.lost || !content_intact(frame.data, frame.size))
		chaos_fail(me, "another frame than was published", frame.seq, seq);
	if (status == 0)
		zoe_release(sub, &frame);
	doing(me, IDLE);
}

/* Has the generation in this folder begun? One that has not is a successor that nobody needed yet. */
static bool begun(const char *folder)
{
	char path[4500];
	uint64_t head = ZI_UNSET;

	snprintf(path, sizeof(path), "%s/index", folder);
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (pread(fd, &head, sizeof(head), offsetof(struct zi_index, head)) != (ssize_t)sizeof(head))
		head = ZI_UNSET;
	close(fd);
	return head != ZI_UNSET;
}

/* Generations that still take memory. */
static unsigned generations(const struct zoe_domain *domain)
{
	char path[4200];
	unsigned count = 0;

	snprintf(path, sizeof(path), "%s/" CHAOS_TOPIC, zoe_domain_path(domain));
	DIR *dir = opendir(path);

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		char folder[4460];

		snprintf(folder, sizeof(folder), "%s/%s", path, entry->d_name);
		if (entry->d_name[0] >= '1' && entry->d_name[0] <= '9')
			count += begun(folder);
		else if (entry->d_name[0] == '.' && strlen(entry->d_name) > 2)
			fprintf(stderr, "chaos: in the topic is %s\n", entry->d_name);
	}
	if (dir)
		closedir(dir);
	return count;
}

static void play(struct party *me, struct zoe_domain *domain, struct zoe_publisher *pub)
{
	struct zoe_subscriber *sub;
	uint64_t next = 0;

	check_repaired(me, domain, 1);
	if (zoe_subscriber_open(domain, CHAOS_TOPIC, NULL, &sub) < 0) {
		chaos_fail(me, "no subscriber", 0, 0);
		return;
	}
	for (unsigned i = 0; i < 100; i++)
		pass_one(me, pub, sub, &next);
	zoe_subscriber_close(sub);
	if (generations(domain) != 1)
		chaos_fail(me, "files of generations that were given up", generations(domain), 1);
}

void chaos_referee(struct party *me)
{
	const struct zoe_topic_options options = chaos_options();
	struct zoe_domain *domain = NULL;
	struct zoe_publisher *pub;

	if (zoe_domain_open(NULL, &domain) < 0)
		chaos_fail(me, "no domain", 0, 0);
	doing(me, OPEN);
	if (!domain || zoe_publisher_open(domain, CHAOS_TOPIC, &options, &pub) < 0) {
		chaos_fail(me, "no publisher", 0, 0);
	} else {
		play(me, domain, pub);
		zoe_publisher_close(pub);
		check_repaired(me, domain, 0);
	}
	zoe_domain_close(domain);
}

/* ---- the group ---------------------------------------------------------------------------------------------- */

static bool read_readers(const struct zoe_domain *domain, struct zi_readers *out)
{
	char path[4200];

	snprintf(path, sizeof(path), "%s/" CHAOS_TOPIC "/readers", zoe_domain_path(domain));
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool whole = fd >= 0 && pread(fd, out, sizeof(*out), 0) == (ssize_t)sizeof(*out);

	if (fd >= 0)
		close(fd);
	return whole;
}

void chaos_check_group(const struct party *me)
{
	static struct zi_readers readers;
	struct zoe_domain *domain = NULL;
	const uint64_t taken = atomic_load(&chaos->group_taken), start = atomic_load(&chaos->group_start);

	if (zoe_domain_open(NULL, &domain) < 0 || !read_readers(domain, &readers)) {
		chaos_fail(me, "no file readers", 0, 0);
	} else if (taken) {
		const struct zi_group *group = &readers.groups[0]; /* the only one */
		uint64_t given = atomic_load(&group->cursor) - start;

		if (given != taken + atomic_load(&group->lost))
			chaos_fail(me, "a group was given more or less than it took and lost", given - taken,
			           atomic_load(&group->lost));
	}
	zoe_domain_close(domain);
}

void chaos_check_empty(const struct party *me)
{
	struct zoe_domain *domain = NULL;

	if (zoe_domain_open(NULL, &domain) < 0) {
		chaos_fail(me, "no domain", 0, 0);
		return;
	}
	DIR *dir = opendir(zoe_domain_path(domain));

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, "..")) {
			fprintf(stderr, "chaos: left behind: %s\n", entry->d_name);
			chaos_fail(me, "the domain is not empty", 0, 0);
		}
	}
	if (dir)
		closedir(dir);
	zoe_domain_close(domain);
}
