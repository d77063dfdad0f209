/* SPDX-License-Identifier: Apache-2.0 */
/* What `zoetrope ctl` prints: the answer to a switch, or the state of everything. */
#include "channel.h"
#include "ctl.h"

#include <stdio.h>
#include <string.h>

static const char *on_off(const json_t *object, const char *key)
{
	return channel_get_bool(object, key, false) ? "on" : "off";
}

static void print_switches(const char *camera, const json_t *state)
{
	static const char *const verbs[] = {"capture", "preview", "save", "detect"};

	printf("%s: %s %s\n", camera, channel_get_text(state, "state", ""), channel_get_text(state, "reason", ""));
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++) {
		const json_t *verb = json_object_get(state, verbs[i]);
		printf("  %-8s %-3s", verbs[i], on_off(verb, "actual"));
		if (strcmp(on_off(verb, "wanted"), on_off(verb, "actual")))
			printf("  wanted %s: %s", on_off(verb, "wanted"), channel_get_text(verb, "reason", ""));
		putchar('\n');
	}
}

/* One that a process has started, as a detector its workers. */
static void print_child(const json_t *state)
{
	printf("  %-18s %7lld %-10s %5.1f %% cpu %8.1f MB %3lld threads, cpus %s\n",
	       channel_get_text(state, "program", ""), json_integer_value(json_object_get(state, "pid")), "",
	       json_number_value(json_object_get(state, "cpu_percent")),
	       json_number_value(json_object_get(state, "memory_bytes")) / 1e6,
	       json_integer_value(json_object_get(state, "threads")), channel_get_text(state, "cpus", "-"));
}

static void print_process(const char *title, const json_t *state)
{
	printf("%-20s %7lld %-10s %5.1f %% cpu %8.1f MB %3lld threads, cpus %s, %s, %lld restarts %s\n", title,
	       json_integer_value(json_object_get(state, "pid")), channel_get_text(state, "state", ""),
	       json_number_value(json_object_get(state, "cpu_percent")),
	       json_number_value(json_object_get(state, "memory_bytes")) / 1e6,
	       json_integer_value(json_object_get(state, "threads")), channel_get_text(state, "cpus", "-"),
	       channel_get_text(state, "policy", "-"), json_integer_value(json_object_get(state, "restarts")),
	       channel_get_text(state, "reason", ""));
	size_t index;
	json_t *child;
	json_array_foreach(json_object_get(state, "children"), index, child) print_child(child);
}

static void print_state(json_t *state)
{
	const char *key;
	json_t *value;

	json_object_foreach(json_object_get(state, "cameras"), key, value) print_switches(key, value);
	json_object_foreach(json_object_get(state, "processes"), key, value) print_process(key, value);
}

/* What holds of what was to be set: "width=640 fps=10: the reason why that is not what was wanted" */
static void print_settings(const char *camera, const json_t *answer)
{
	const char *name, *reason = channel_get_text(answer, "reason", "");
	json_t *value;

	printf("%s:", camera);
	json_object_foreach(json_object_get(answer, "actual"), name, value)
	{
		if (json_is_string(value))
			printf(" %s=%s", name, json_string_value(value));
		else
			printf(" %s=%g", name, json_number_value(value));
	}
	printf("%s%s%s\n", *reason ? " (" : "", reason, *reason ? ")" : "");
}

/* Print the answer. Returns the exit status: 0 = it is as wanted. */
int ctl_show(const struct cli_words *words, const json_t *answer, bool json)
{
	const char *error = channel_get_text(answer, "error", NULL);
	json_t *state = json_object_get(answer, "state");
	bool wanted = channel_get_bool(answer, "wanted", false), actual = channel_get_bool(answer, "actual", false);

	if (json) {
		json_dumpf(state ? state : answer, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
		putchar('\n');
	} else if (error) {
		cli_error("ctl: %s", error);
	} else if (state) {
		print_state(state);
	} else if (json_is_object(json_object_get(answer, "actual"))) {
		print_settings(words->items[0], answer);
	} else if (words->count == 3 && wanted == actual) {
		printf("%s %s is %s\n", words->items[0], words->items[1], on_off(answer, "actual"));
	} else if (wanted != actual) {
		cli_error("ctl: %s %s is %s, wanted %s: %s", words->items[0], words->items[1], on_off(answer, "actual"),
		          on_off(answer, "wanted"), channel_get_text(answer, "reason", ""));
	}
	return error || wanted != actual ? 1 : 0;
}
