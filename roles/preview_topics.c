/* SPDX-License-Identifier: Apache-2.0 */
/* Who writes and who reads each topic of the domain, as JSON. See preview.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "preview.h"

#define TOPICS_MOST 64 /* and so many parties of each */

/* The name of the program that a process runs; people know these better than numbers. */
static void topics_program(uint32_t pid, char out[32])
{
	char path[48];
	snprintf(out, 32, "?");
	snprintf(path, sizeof(path), "/proc/%u/comm", pid);
	FILE *file = fopen(path, "re");
	if (!file)
		return;
	if (fgets(out, 32, file))
		out[strcspn(out, "\n")] = '\0';
	fclose(file);
}

static int topics_party(const struct zoe_party *party, void *user)
{
	json_t *parties = user;
	char program[32];
	if (!party->alive)
		return 0;
	topics_program(party->pid, program);
	json_t *name = json_string(program); /* NULL if it is not UTF-8 */
	json_t *json = json_pack("{s:s, s:I, s:o, s:I, s:I}", "role", party->is_publisher ? "publisher" : "subscriber",
	                         "pid", (json_int_t)party->pid, "program", name ? name : json_string("?"), "frames",
	                         (json_int_t)party->count, "lost", (json_int_t)party->lost);
	json_array_append_new(parties, json);
	return json_array_size(parties) < TOPICS_MOST ? 0 : 1;
}

struct topics_visit {
	struct zoe_domain *domain;
	json_t *topics;
};

/* A topic may go while it is looked at: then it is not in the list. */
static int topics_visit(const char *name, void *user)
{
	struct topics_visit *visit = user;
	struct zoe_topic_info info;
	json_t *parties = json_array();
	if (zoe_topic_info(visit->domain, name, &info) < 0 ||
	    zoe_topic_parties(visit->domain, name, topics_party, parties) < 0) {
		json_decref(parties);
		return 0;
	}
	char format[5] = "";
	if (info.format != ZOE_FORMAT_NONE)
		zoe_format_name(info.format, format);
	json_array_append_new(visit->topics,
	                      json_pack("{s:s, s:s, s:I, s:I, s:I, s:o}", "topic", name, "format", format, "width",
	                                (json_int_t)info.width, "height", (json_int_t)info.height, "memory_bytes",
	                                (json_int_t)info.memory_bytes, "parties", parties));
	return json_array_size(visit->topics) < TOPICS_MOST ? 0 : 1;
}

json_t *topics_json(struct preview *preview)
{
	struct topics_visit visit = {.domain = preview->role->domain, .topics = json_array()};
	zoe_domain_list(visit.domain, topics_visit, &visit);
	return json_pack("{s:f, s:o}", "time", (double)zoe_now_ns() / 1e9, "topics", visit.topics);
}
