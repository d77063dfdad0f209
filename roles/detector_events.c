/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See detector_events.h. An object stands where the middle of its box's lower edge is: that is where feet and wheels are.
 * A command is run by /bin/sh, as the configuration has it; what happened is in its environment, never in its text.
 */
#include "detector_events.h"

#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tracker.h"
#include "zones.h"

#define UPDATE_NS    1000000000 /* an object that stays is told about once a second */
#define COMMANDS_MAX 4          /* at once; events beyond run none */
#define EVENTS_DEPTH 64
#define EVENT_BYTES  1024
#define VARIABLES    8

extern char **environ;

struct detector_events {
	struct role *role;
	const char *camera;
	const struct detector_config *config;
	struct zoe_publisher *publisher;
	struct tracker tracker;
	struct zone zones[ZONES_MAX];
	unsigned zone_count;
	struct command *commands; /* that run now */
	unsigned command_count;
	uint64_t source_seq;
	int64_t lost_ns;
};

/* ---- commands ----------------------------------------------------------------------------------------------- */

struct command {
	uv_process_t process;
	struct detector_events *events;
	struct command *next;
};

static void command_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void command_ended(uv_process_t *process, int64_t status, int signal)
{
	struct command *command = process->data, **link = &command->events->commands;
	while (*link != command)
		link = &(*link)->next;
	*link = command->next;
	command->events->command_count--;
	uv_close((uv_handle_t *)process, command_closed);
}

/* name=value, or nothing if there is no memory. */
static void put_variable(char **variables, size_t *count, const char *name, const char *value)
{
	if (asprintf(&variables[*count], "ZOETROPE_%s=%s", name, value) >= 0)
		++*count;
}

static char **make_environment(const struct detector_events *events, const struct track *track, const char *what,
                               const char *zone, size_t *out_own)
{
	size_t inherited = 0, own = 0;
	char text[128];
	while (environ[inherited])
		inherited++;
	char **variables = calloc(inherited + VARIABLES + 1, sizeof(*variables));
	if (!variables)
		return NULL;
	put_variable(variables, &own, "EVENT", what);
	put_variable(variables, &own, "CAMERA", events->camera);
	put_variable(variables, &own, "LABEL", track->box.label);
	put_variable(variables, &own, "ZONE", zone);
	snprintf(text, sizeof(text), "%u", track->id);
	put_variable(variables, &own, "TRACK", text);
	snprintf(text, sizeof(text), "%.3f", (double)track->box.score);
	put_variable(variables, &own, "SCORE", text);
	snprintf(text, sizeof(text), "%.4f %.4f %.4f %.4f", (double)track->box.x, (double)track->box.y,
	         (double)track->box.w, (double)track->box.h);
	put_variable(variables, &own, "BOX", text);
	memcpy(variables + own, environ, inherited * sizeof(*variables));
	*out_own = own;
	return variables;
}

static void run_command(struct detector_events *events, const struct track *track, const char *what, const char *zone)
{
	char *arguments[] = {"sh", "-c", events->config->on_event, NULL};
	size_t own = 0;
	if (!events->config->on_event[0] || events->command_count >= COMMANDS_MAX || !strcmp(what, "update"))
		return;
	struct command *command = calloc(1, sizeof(*command));
	char **variables = command ? make_environment(events, track, what, zone, &own) : NULL;
	if (!variables) {
		free(command);
		return;
	}
	command->events = events;
	command->process.data = command;
	uv_process_options_t options = {
	    .exit_cb = command_ended, .file = "/bin/sh", .args = arguments, .env = variables};
	int status = uv_spawn(events->role->loop, &command->process, &options);
	if (status == 0) {
		command->next = events->commands;
		events->commands = command;
		events->command_count++;
	} else {
		role_error(events->role, "key 'on_event': cannot run it: %s", uv_strerror(status));
		uv_close((uv_handle_t *)&command->process, command_closed);
	}
	for (size_t i = 0; i < own; i++)
		free(variables[i]);
	free(variables);
}

/* ---- events ------------------------------------------------------------------------------------------------- */

static json_t *zone_names(const struct detector_events *events, uint64_t zones)
{
	json_t *names = json_array();
	for (unsigned i = 0; i < events->zone_count; i++) {
		if (zones >> i & 1)
			json_array_append_new(names, json_string(events->zones[i].name));
	}
	return names;
}

/* what: new, update, end; enter and leave with the zone's name. */
static void tell(struct detector_events *events, struct track *track, const char *what, const char *zone)
{
	char text[EVENT_BYTES];
	const struct zoe_detection *box = &track->box;
	json_t *event = json_pack("{s:s, s:s, s:s, s:I, s:s, s:f, s:[f, f, f, f], s:I, s:I, s:I, s:o}", "event", what,
	                          "camera", events->camera, "detector", events->role->name, "track",
	                          (json_int_t)track->id, "label", box->label, "score", (double)box->score, "box",
	                          (double)box->x, (double)box->y, (double)box->w, (double)box->h, "source_seq",
	                          (json_int_t)events->source_seq, "capture_ns", (json_int_t)track->seen_ns, "first_ns",
	                          (json_int_t)track->first_ns, "zones", zone_names(events, track->zones));
	if (event && zone[0])
		json_object_set_new(event, "zone", json_string(zone));
	size_t size = event ? json_dumpb(event, text, sizeof(text), JSON_COMPACT | JSON_REAL_PRECISION(6)) : 0;
	if (size > 0 && size <= sizeof(text) && zoe_publish_bytes(events->publisher, text, size, NULL) < 0)
		role_error(events->role, "events of camera %s: %s", events->camera, zoe_error());
	json_decref(event);
	track->told_ns = track->seen_ns;
	run_command(events, track, what, zone);
}

/* Enter a zone after the least stay, leave it at once. */
static void look_at_zone(struct detector_events *events, struct track *track, unsigned index)
{
	const struct zone *zone = &events->zones[index];
	const struct zoe_detection *box = &track->box;
	uint64_t bit = 1ull << index;
	bool stands = !track->ended && zone_has(zone, box->x + box->w / 2, fminf(box->y + box->h, 0.9999f));
	if (!stands)
		track->zone_ns[index] = 0;
	else if (!track->zone_ns[index])
		track->zone_ns[index] = track->seen_ns;
	if (stands && !(track->zones & bit) && track->seen_ns - track->zone_ns[index] >= events->config->stay) {
		track->zones |= bit;
		tell(events, track, "enter", zone->name);
	} else if (!stands && (track->zones & bit)) {
		track->zones &= ~bit;
		tell(events, track, "leave", zone->name);
	}
}

static void look_at_track(struct detector_events *events, struct track *track)
{
	if (!track->real)
		return;
	if (!track->told_ns)
		tell(events, track, "new", "");
	for (unsigned i = 0; i < events->zone_count; i++)
		look_at_zone(events, track, i);
	if (track->ended)
		tell(events, track, "end", "");
	else if (track->seen_ns - track->told_ns >= UPDATE_NS)
		tell(events, track, "update", "");
}

void detector_events_take(struct detector_events *events, const struct zoe_frame *frame, struct detector_result *result)
{
	/* what is only just above the threshold may go on with a track, but begins none */
	float threshold = (float)events->config->threshold, sure = threshold + (1 - threshold) * 0.1f;
	events->source_seq = frame->seq;
	tracker_update(&events->tracker, result->boxes, result->count, frame->capture_ns, sure, events->lost_ns);
	for (unsigned i = 0; i < events->tracker.count; i++)
		look_at_track(events, &events->tracker.tracks[i]);
}

void detector_events_tend(struct detector_events *events)
{
	for (unsigned i = 0; i < events->tracker.count; i++) {
		struct track *track = &events->tracker.tracks[i];
		if (track->ended || zoe_now_ns() - track->seen_ns <= 2 * events->lost_ns)
			continue;
		track->ended = true;
		look_at_track(events, track);
	}
}

json_t *detector_events_counts(const struct detector_events *events)
{
	json_t *counts = json_object();
	for (unsigned i = 0; i < events->tracker.count; i++) {
		const struct track *track = &events->tracker.tracks[i];
		if (!track->real || track->ended)
			continue;
		json_int_t before = json_integer_value(json_object_get(counts, track->box.label));
		json_object_set_new(counts, track->box.label, json_integer(before + 1));
	}
	return counts;
}

/* ---- begin and end ------------------------------------------------------------------------------------------ */

int detector_events_open(struct role *role, const char *camera, struct detector_events **out)
{
	char topic[2 * ZOE_TOPIC_NAME_MAX], error[ZONE_ERROR_BYTES];
	const struct zoe_topic_options options = {
	    .slot_bytes = EVENT_BYTES, .depth = EVENTS_DEPTH, .publishers = DETECTORS_MAX};
	struct detector_events *events = calloc(1, sizeof(*events));
	if (!events) {
		role_error(role, "no memory for events");
		return -ENOMEM;
	}
	events->role = role;
	events->camera = camera;
	events->config = role->options;
	events->lost_ns = events->config->track_lost;
	int status = zones_read(&events->config->zones, events->zones, error);
	if (status < 0) {
		role_error(role, "%s", error);
	} else {
		events->zone_count = (unsigned)status;
		snprintf(topic, sizeof(topic), "%s/events", camera);
		status = zoe_publisher_open(role->domain, topic, &options, &events->publisher);
		if (status < 0)
			role_error(role, "events of camera %s: %s", camera, zoe_error());
	}
	if (status < 0) {
		detector_events_close(events);
		return status;
	}
	*out = events;
	return 0;
}

void detector_events_close(struct detector_events *events)
{
	if (!events)
		return;
	zoe_publisher_close(events->publisher);
	for (struct command *command = events->commands, *next; command; command = next) {
		next = command->next;
		uv_process_kill(&command->process, SIGTERM);
		uv_close((uv_handle_t *)&command->process, command_closed);
	}
	free(events);
}
