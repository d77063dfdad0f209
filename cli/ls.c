/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope ls`: the topics of a domain, who takes part, and where their slots are. */
#include "cli.h"
#include "party.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct ls_options {
	char *domain;
	bool json;
};

static const struct option_row rows[] = {
    {"domain", OPTION_TEXT, offsetof(struct ls_options, domain), "", 0, 0, "", NULL,
     "Directory of the domain; empty means ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID."},
    {"json", OPTION_BOOL, offsetof(struct ls_options, json), "false", 0, 0, "", NULL, "Print JSON."},
    {NULL},
};

struct listing {
	struct zoe_domain *domain;
	json_t *topics; /* NULL = print lines */
	unsigned count;
};

/* What all subscribers together lost, and the longest that one has held a frame. */
struct summary {
	uint64_t lost;
	int64_t held_ns;
};

static struct summary summarise(const struct parties *parties)
{
	struct summary sum = {0};

	for (unsigned i = 0; i < parties->count; i++) {
		const struct zoe_party *party = &parties->items[i];

		sum.lost += party->lost;
		for (unsigned k = 0; k < party->pins; k++) {
			int64_t held_ns = party_held_ns(parties, party, k);
			sum.held_ns = held_ns > sum.held_ns ? held_ns : sum.held_ns;
		}
	}
	return sum;
}

static void print_topic(const char *topic, const struct zoe_topic_info *info, const struct summary *sum)
{
	char format[5] = "-", size[32] = "-";

	if (info->format != ZOE_FORMAT_NONE) {
		zoe_format_name(info->format, format);
		snprintf(size, sizeof size, "%ux%u", info->width, info->height);
	}
	printf("%-24s %4u %4u %10llu %8llu %-6s %-10s %6.1f MB  %u free, %u loaned, %u kept, %u pinned of %u%s\n",
	       topic, info->publishers, info->subscribers, (unsigned long long)info->next_seq,
	       (unsigned long long)sum->lost, format, size, (double)info->memory_bytes / 1e6, info->slots_free,
	       info->slots_loaned, info->slots_kept, info->slots_pinned, info->slots, info->dead ? ", dead" : "");
}

static void show(struct listing *listing, const char *topic, const struct zoe_topic_info *info,
                 const struct parties *parties)
{
	const struct summary sum = summarise(parties);

	if (listing->topics) {
		json_t *json = topic_json(topic, info);
		json_object_set_new(json, "lost", json_integer((json_int_t)sum.lost));
		json_object_set_new(json, "longest_held_seconds", json_real((double)sum.held_ns / 1e9));
		json_array_append_new(listing->topics, json);
		return;
	}
	if (!listing->count++)
		printf("%-24s %4s %4s %10s %8s %-6s %-10s %9s  slots\n", "topic", "pub", "sub", "next", "lost",
		       "format", "size", "memory");
	print_topic(topic, info, &sum);
}

static int visit(const char *topic, void *user)
{
	struct listing *listing = user;
	struct zoe_topic_info info;
	struct parties parties;
	int status = zoe_topic_info(listing->domain, topic, &info);

	if (!status)
		status = parties_look(listing->domain, topic, &parties);
	if (status == -ENOENT) /* it has just gone */
		return 0;
	if (status < 0) {
		cli_error("ls: %s", zoe_error());
		return status;
	}
	show(listing, topic, &info, &parties);
	return 0;
}

static int list(const char *path, bool json)
{
	struct listing listing = {.topics = json ? json_array() : NULL};
	int status = access(path, F_OK) < 0 && errno == ENOENT ? -ENOENT : zoe_domain_open(path, &listing.domain);

	if (status < 0 && status != -ENOENT)
		cli_error("ls: %s", zoe_error());
	if (!status)
		status = zoe_domain_list(listing.domain, visit, &listing);
	if (json) {
		json_dumpf(listing.topics, stdout, JSON_INDENT(1));
		putchar('\n');
	} else if (status == -ENOENT || (!status && !listing.count)) {
		printf("no topics in %s\n", path);
	}
	json_decref(listing.topics);
	zoe_domain_close(listing.domain);
	return status < 0 && status != -ENOENT ? 1 : 0;
}

static int run(int argc, char **argv)
{
	struct ls_options options;
	struct cli_words words;
	char path[PATH_MAX];
	int status = CLI_USAGE;

	if (!cli_read(&cli_ls, argc, argv, &options, &words)) {
		if (words.count) {
			cli_error("ls: '%s' is too much; usage: zoetrope ls %s", words.items[0], cli_ls.usage);
		} else {
			cli_domain(options.domain, path, sizeof path);
			status = list(path, options.json);
		}
	}
	options_finish(rows, &options);
	return status;
}

const struct cli_command cli_ls = {
    .name = "ls",
    .usage = "[--json] [--domain DIR]",
    .help = "List the topics of a domain: publishers, subscribers, newest frame, slots.",
    .rows = rows,
    .more =
        "Lost: frames that present subscribers have lost. Slots: free; loaned by publishers; kept for subscribers to\n"
        "take; pinned by subscribers, kept or not. `zoetrope info TOPIC` says who.\n",
    .run = run,
};
