/* SPDX-License-Identifier: Apache-2.0 */
/* Who is on a topic: what info, top and ls have in common. */
#include "party.h"

#include <stdio.h>
#include <string.h>

static int keep(const struct zoe_party *party, void *user)
{
	struct parties *parties = user;

	if (parties->count < PARTIES_MAX)
		parties->items[parties->count++] = *party;
	return 0;
}

int parties_look(struct zoe_domain *domain, const char *topic, struct parties *out)
{
	out->count = 0;
	int status = zoe_topic_parties(domain, topic, keep, out);
	out->now_ns = zoe_now_ns();
	return status;
}

void party_program(const struct zoe_party *party, char out[32])
{
	char path[48];

	snprintf(out, 32, "%s", party->alive ? "?" : "(dead)");
	snprintf(path, sizeof path, "/proc/%u/comm", party->pid);
	FILE *file = party->alive ? fopen(path, "re") : NULL;
	if (!file)
		return;
	if (fgets(out, 32, file))
		out[strcspn(out, "\n")] = '\0';
	fclose(file);
}

void party_mode(const struct zoe_party *party, char out[64])
{
	if (party->group[0])
		snprintf(out, 64, "group %.39s", party->group);
	else
		snprintf(out, 64, "%s", party->mode == ZOE_LOSSLESS ? "lossless" : "lossy");
}

void party_wish(const struct zoe_party *party, char out[64])
{
	const struct zoe_wish *wish = &party->wish;
	char rate[24] = "", format[8] = "", size[24] = "";

	if (wish->rate_mhz)
		snprintf(rate, sizeof rate, "%.1f fps", wish->rate_mhz / 1000.0);
	if (wish->format) {
		format[0] = ' ';
		zoe_format_name(wish->format, format + 1);
	}
	if (wish->width || wish->height)
		snprintf(size, sizeof size, " %ux%u", wish->width, wish->height);
	snprintf(out, 64, "%s%s%s", rate, format, size);
	if (out[0] == ' ')
		memmove(out, out + 1, strlen(out));
	if (!out[0])
		snprintf(out, 64, "-");
}

int64_t party_held_ns(const struct parties *parties, const struct zoe_party *party, unsigned i)
{
	int64_t published_ns = party->pinned_publish_ns[i];

	return published_ns > 0 && published_ns <= parties->now_ns ? parties->now_ns - published_ns : -1;
}

json_t *topic_json(const char *topic, const struct zoe_topic_info *info)
{
	char format[5] = "";

	if (info->format != ZOE_FORMAT_NONE)
		zoe_format_name(info->format, format);
	return json_pack("{s:s, s:i, s:i, s:i, s:I, s:s, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:I, s:I, s:i}",
	                 "topic", topic, "publishers", (int)info->publishers, "subscribers", (int)info->subscribers,
	                 "dead", (int)info->dead, "next_seq", (json_int_t)info->next_seq, "format", format, "width",
	                 (int)info->width, "height", (int)info->height, "slots", (int)info->slots, "slots_free",
	                 (int)info->slots_free, "slots_loaned", (int)info->slots_loaned, "slots_kept",
	                 (int)info->slots_kept, "slots_pinned", (int)info->slots_pinned, "slots_quarantined",
	                 (int)info->slots_quarantined, "depth", (int)info->depth, "slot_bytes",
	                 (json_int_t)info->slot_bytes, "memory_bytes", (json_int_t)info->memory_bytes, "generation",
	                 (int)info->generation);
}

static json_t *pins_json(const struct parties *parties, const struct zoe_party *party)
{
	json_t *pins = json_array();

	for (unsigned i = 0; i < party->pins && i < 16; i++) {
		int64_t held_ns = party_held_ns(parties, party, i);
		json_t *held = held_ns < 0 ? json_null() : json_real((double)held_ns / 1e9);
		json_array_append_new(
		    pins, json_pack("{s:i, s:o}", "slot", (int)party->pinned_slots[i], "held_at_most_seconds", held));
	}
	return pins;
}

static json_t *wish_json(const struct zoe_wish *wish)
{
	char format[5] = "";

	if (wish->format)
		zoe_format_name(wish->format, format);
	return json_pack("{s:f, s:s, s:i, s:i, s:I}", "rate", wish->rate_mhz / 1000.0, "format", format, "width",
	                 (int)wish->width, "height", (int)wish->height, "key_frames", (json_int_t)wish->key_frames);
}

json_t *party_json(const struct parties *parties, const struct zoe_party *party)
{
	char program[32];

	party_program(party, program);
	json_t *json = json_pack(
	    "{s:s, s:i, s:b, s:I, s:s, s:I, s:I}", "role", party->is_publisher ? "publisher" : "subscriber", "record",
	    (int)party->record, "alive", (int)party->alive, "pid", (json_int_t)party->pid, "program", program,
	    party->is_publisher ? "published" : "taken", (json_int_t)party->count, "waits", (json_int_t)party->waits);
	if (party->is_publisher) {
		json_object_set_new(json, "repairs", json_integer((json_int_t)party->repairs));
		return json;
	}
	json_object_set_new(json, "lost", json_integer((json_int_t)party->lost));
	json_object_set_new(json, "cursor", json_integer((json_int_t)party->cursor));
	json_object_set_new(json, "mode", json_string(party->mode == ZOE_LOSSLESS ? "lossless" : "lossy"));
	json_object_set_new(json, "group", json_string(party->group));
	json_object_set_new(json, "pins", pins_json(parties, party));
	json_object_set_new(json, "wish", wish_json(&party->wish));
	return json;
}
