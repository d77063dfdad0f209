/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope info TOPIC`: its shape and slots, who is on it, and who holds which slot for how long. */
#include "cli.h"
#include "party.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

struct info_options {
	char *domain;
	bool json;
};

static const struct option_row rows[] = {
    {"domain", OPTION_TEXT, offsetof(struct info_options, domain), "", 0, 0, "", NULL,
     "Directory of the domain; empty means ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID."},
    {"json", OPTION_BOOL, offsetof(struct info_options, json), "false", 0, 0, "", NULL, "Print JSON."},
    {NULL},
};

static void print_topic(const char *topic, const struct zoe_topic_info *info)
{
	char format[5] = "";

	printf("%s\n  published   %llu", topic, (unsigned long long)info->next_seq);
	if (info->last_publish_ns)
		printf(", the newest %.3f s ago", (double)(zoe_now_ns() - info->last_publish_ns) / 1e9);
	if (info->format) {
		zoe_format_name(info->format, format);
		printf(", %s %ux%u", format, info->width, info->height);
	}
	printf("\n  generation  %u: %u slots of %llu bytes, depth %u, %.1f MB taken\n", info->generation, info->slots,
	       (unsigned long long)info->slot_bytes, info->depth, (double)info->memory_bytes / 1e6);
	printf("  slots       %u free, %u loaned, %u kept, %u quarantined; %u pinned\n", info->slots_free,
	       info->slots_loaned, info->slots_kept, info->slots_quarantined, info->slots_pinned);
	printf("  parties     %u publishers, %u subscribers, %u dead\n", info->publishers, info->subscribers,
	       info->dead);
}

static void print_publishers(const struct parties *parties)
{
	bool any = false;

	for (unsigned i = 0; i < parties->count; i++) {
		const struct zoe_party *party = &parties->items[i];
		char program[32];

		if (!party->is_publisher)
			continue;
		if (!any)
			printf("\n%-10s %8s %-16s %12s %8s %8s\n", "publisher", "pid", "program", "published", "waits",
			       "repairs");
		any = true;
		party_program(party, program);
		printf("%-10u %8u %-16s %12llu %8llu %8llu\n", party->record, party->pid, program,
		       (unsigned long long)party->count, (unsigned long long)party->waits,
		       (unsigned long long)party->repairs);
	}
}

static void print_subscribers(const struct parties *parties)
{
	bool any = false;

	for (unsigned i = 0; i < parties->count; i++) {
		const struct zoe_party *party = &parties->items[i];
		char program[32], mode[64], wish[64];

		if (party->is_publisher)
			continue;
		if (!any)
			printf("\n%-10s %8s %-16s %12s %10s %8s %4s  %-14s %s\n", "subscriber", "pid", "program",
			       "taken", "lost", "waits", "pins", "mode", "wish");
		any = true;
		party_program(party, program);
		party_mode(party, mode);
		party_wish(party, wish);
		printf("%-10u %8u %-16s %12llu %10llu %8llu %4u  %-14s %s\n", party->record, party->pid, program,
		       (unsigned long long)party->count, (unsigned long long)party->lost,
		       (unsigned long long)party->waits, party->pins, mode, wish);
	}
}

static void print_pins(const struct parties *parties)
{
	bool any = false;

	for (unsigned i = 0; i < parties->count; i++) {
		const struct zoe_party *party = &parties->items[i];

		for (unsigned k = 0; !party->is_publisher && k < party->pins && k < 16; k++) {
			int64_t held_ns = party_held_ns(parties, party, k);

			if (!any)
				printf("\n%-10s %10s %8s  %s\n", "slot held", "subscriber", "pid", "since at most");
			any = true;
			printf("%-10u %10u %8u  ", party->pinned_slots[k], party->record, party->pid);
			if (held_ns < 0)
				printf("a change of shape\n");
			else
				printf("%.3f s\n", (double)held_ns / 1e9);
		}
	}
}

static void print_json(const char *topic, const struct zoe_topic_info *info, const struct parties *parties)
{
	json_t *json = topic_json(topic, info), *list = json_array();

	for (unsigned i = 0; i < parties->count; i++)
		json_array_append_new(list, party_json(parties, &parties->items[i]));
	json_object_set_new(json, "parties", list);
	json_dumpf(json, stdout, JSON_INDENT(1));
	putchar('\n');
	json_decref(json);
}

static int look(struct zoe_domain *domain, const char *topic, bool json)
{
	struct parties *parties = calloc(1, sizeof *parties);
	struct zoe_topic_info info;

	if (!parties) {
		cli_error("info: no memory");
		return 1;
	}
	int status = zoe_topic_info(domain, topic, &info);
	if (!status)
		status = parties_look(domain, topic, parties);
	if (status) {
		cli_error("info: %s", zoe_error());
	} else if (json) {
		print_json(topic, &info, parties);
	} else {
		print_topic(topic, &info);
		print_publishers(parties);
		print_subscribers(parties);
		print_pins(parties);
	}
	free(parties);
	return status ? 1 : 0;
}

static int show(const char *path, const char *topic, bool json)
{
	struct zoe_domain *domain;

	if (access(path, F_OK) < 0 && errno == ENOENT) { /* opening would make it */
		cli_error("info: there is no domain %s, so no topic %s", path, topic);
		return 1;
	}
	if (zoe_domain_open(path, &domain) < 0) {
		cli_error("info: %s", zoe_error());
		return 1;
	}
	int status = look(domain, topic, json);
	zoe_domain_close(domain);
	return status;
}

static int run(int argc, char **argv)
{
	struct info_options options;
	struct cli_words words;
	char path[PATH_MAX];
	int status = CLI_USAGE;

	if (!cli_read(&cli_info, argc, argv, &options, &words)) {
		if (words.count != 1) {
			cli_error("info: wanted one topic, found %u; usage: zoetrope info %s", words.count,
			          cli_info.usage);
		} else {
			cli_domain(options.domain, path, sizeof path);
			status = show(path, words.items[0], options.json);
		}
	}
	options_finish(rows, &options);
	return status;
}

const struct cli_command cli_info = {
    .name = "info",
    .usage = "[--json] [--domain DIR] TOPIC",
    .help = "Show a topic: its shape, who is on it, and who holds which slot for how long.",
    .rows = rows,
    .more =
        "Waits: of a publisher, for lossless subscribers; of a subscriber, times it slept. Repairs: records of the\n"
        "dead that a publisher has cleared. A slot is held for less than the time since its frame was published.\n",
    .run = run,
};
