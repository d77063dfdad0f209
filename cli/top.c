/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope top`: everybody on every topic, with rates; a table each interval, or one. */
#include "cli.h"
#include "look.h"

#include <limits.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

struct top_options {
	char *domain;
	bool json, once;
	int64_t interval;
};

static const struct option_row rows[] = {
    {"domain", OPTION_TEXT, offsetof(struct top_options, domain), "", 0, 0, "", NULL,
     "Directory of the domain; empty means ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID."},
    {"once", OPTION_BOOL, offsetof(struct top_options, once), "false", 0, 0, "", NULL,
     "Print one table and end, after one interval."},
    {"interval", OPTION_DURATION, offsetof(struct top_options, interval), "1s", 0.01, 3600, "", NULL,
     "Time over which rates are taken, from one table to the next."},
    {"json", OPTION_BOOL, offsetof(struct top_options, json), "false", 0, 0, "", NULL, "Print JSON."},
    {NULL},
};

static void print_table(const struct look *look)
{
	printf("%-24s %-7s %8s %-16s %9s %12s %10s %8s %8s %4s %9s  %s\n", "topic", "party", "pid", "program", "rate",
	       "frames", "lost", "waits", "repairs", "pins", "held", "mode");
	for (size_t i = 0; i < look->count; i++) {
		const struct seen *seen = &look->items[i];
		const struct zoe_party *party = &seen->party;
		char program[32], mode[64] = "", rate[24] = "-", held[24] = "-";

		party_program(party, program);
		if (!party->is_publisher)
			party_mode(party, mode);
		if (seen->rate >= 0)
			snprintf(rate, sizeof rate, "%.1f", seen->rate);
		if (seen->held_ns >= 0)
			snprintf(held, sizeof held, "%.3f s", (double)seen->held_ns / 1e9);
		printf("%-24s %s %-3u %8u %-16s %9s %12llu %10llu %8llu %8llu %4u %9s  %s\n", seen->topic,
		       party->is_publisher ? "pub" : "sub", party->record, party->pid, program, rate,
		       (unsigned long long)party->count, (unsigned long long)party->lost,
		       (unsigned long long)party->waits, (unsigned long long)party->repairs, party->pins, held, mode);
	}
}

static void print_json(const struct look *look)
{
	json_t *list = json_array();

	for (size_t i = 0; i < look->count; i++) {
		const struct seen *seen = &look->items[i];

		json_object_set_new(seen->json, "topic", json_string(seen->topic));
		json_object_set_new(seen->json, "rate", seen->rate < 0 ? json_null() : json_real(seen->rate));
		json_array_append(list, seen->json);
	}
	json_dumpf(list, stdout, JSON_COMPACT);
	putchar('\n');
	json_decref(list);
}

static int watch(const char *path, const struct top_options *options)
{
	const struct timespec pause = {.tv_sec = options->interval / 1000000000,
	                               .tv_nsec = options->interval % 1000000000};
	struct look before = {0};
	int status = look_take(path, &before);

	while (!status) {
		struct look now = {.json = options->json};

		nanosleep(&pause, NULL);
		status = look_take(path, &now);
		look_rates(&before, &now);
		if (!status && !options->once && !options->json && isatty(STDOUT_FILENO))
			printf("\033[H\033[J"); /* the table stays in its place */
		if (!status)
			(options->json ? print_json : print_table)(&now);
		look_finish(&before);
		before = now;
		if (fflush(stdout) || options->once)
			break;
	}
	look_finish(&before);
	return status ? 1 : 0;
}

static int run(int argc, char **argv)
{
	struct top_options options;
	struct cli_words words;
	char path[PATH_MAX];
	int status = CLI_USAGE;

	if (!cli_read(&cli_top, argc, argv, &options, &words)) {
		if (words.count) {
			cli_error("top: '%s' is too much; usage: zoetrope top %s", words.items[0], cli_top.usage);
		} else {
			cli_domain(options.domain, path, sizeof path);
			status = watch(path, &options);
		}
	}
	options_finish(rows, &options);
	return status;
}

const struct cli_command cli_top = {
    .name = "top",
    .usage = "[--once] [--interval TIME] [--json] [--domain DIR]",
    .help = "Show everybody on every topic of a domain: rates, losses, waits, and frames in hand.",
    .rows = rows,
    .more =
        "Rate: frames published or taken in a second. Held: the longest that one of the frames in hand has been there\n"
        "at most.\n",
    .run = run,
};
