/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Settings of cameras at run time: size, rate, format, and what can be turned on the device. The camera checks them and
 * says what became of them; control remembers those that it took, for the camera's next life.
 */
#include "control.h"

#include <stdlib.h>
#include <string.h>

#define ANSWER_S 5 /* a USB camera may take its time to be opened anew */

/* One message "set" on its way. */
struct setting {
	json_int_t id;
	struct process *process;
	json_t *wanted;
	void (*done)(void *user, const json_t *answer);
	void *user;
	unsigned seconds;
	struct setting *next;
};

json_t *settings_of(const struct process *process)
{
	return json_pack("{s:O?}", process->entry->name, process->settings);
}

/* Answer and forget one. */
static void finish(struct setting **link, const json_t *answer)
{
	struct setting *setting = *link;

	*link = setting->next;
	setting->done(setting->user, answer);
	json_decref(setting->wanted);
	free(setting);
}

/* away: there is no camera to ask; else it is what was wanted that is wrong. */
static json_t *in_vain(const char *why, bool away)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "error", channel_string(why));
	json_object_set_new(answer, "away", json_boolean(away));
	return answer;
}

static void finish_in_vain(struct setting **link, const char *why, bool away)
{
	json_t *answer = in_vain(why, away);

	finish(link, answer);
	json_decref(answer);
}

void settings_ask(struct control *control, const char *camera, const json_t *settings,
                  void (*done)(void *user, const json_t *answer), void *user)
{
	char text[512];

	if (!control_check_camera(control, camera, text, sizeof text)) {
		control_fail(done, user, text);
		return;
	}
	struct process *process = process_find(control, "camera", camera);
	struct setting *setting = process->introduced && process->channel ? malloc(sizeof *setting) : NULL;
	if (!setting) {
		snprintf(text, sizeof text, "camera %.60s is not there to be set: %.40s%s%.200s", camera,
		         process->state, *process->reason ? ", " : "", process->reason);
		json_t *answer = in_vain(text, true);
		done(user, answer);
		json_decref(answer);
		return;
	}
	*setting = (struct setting){.id = ++control->last_turn,
	                            .process = process,
	                            .wanted = json_deep_copy(settings),
	                            .done = done,
	                            .user = user,
	                            .next = control->sets};
	control->sets = setting;
	json_t *message = channel_message("set");
	json_object_set_new(message, "id", json_integer(setting->id));
	json_object_set_new(message, "camera", channel_string(camera));
	json_object_set(message, "settings", setting->wanted);
	process_send(process, message);
}

void settings_take(struct process *process, const json_t *message)
{
	json_int_t id = json_integer_value(json_object_get(message, "id"));
	struct setting **link = &process->control->sets;

	while (*link && ((*link)->id != id || (*link)->process != process))
		link = &(*link)->next;
	if (!*link)
		return;
	const char *error = channel_get_text(message, "error", NULL);
	if (error) {
		finish_in_vain(link, error, channel_get_bool(message, "away", false));
		return;
	}
	if (!process->settings)
		process->settings = json_object();
	json_object_update(process->settings, (*link)->wanted);
	control_push_soon(process->control);
	json_t *answer =
	    json_pack("{s:O, s:O?, s:s}", "wanted", (*link)->wanted, "actual", json_object_get(message, "actual"),
	              "reason", channel_get_text(message, "reason", ""));
	finish(link, answer);
	json_decref(answer);
}

void settings_lost(struct process *process, const char *reason)
{
	for (struct setting **link = &process->control->sets; *link;) {
		if ((*link)->process == process)
			finish_in_vain(link, reason, true);
		else
			link = &(*link)->next;
	}
}

void settings_tick(struct control *control)
{
	char text[CONTROL_REASON_BYTES];

	for (struct setting **link = &control->sets; *link;) {
		if ((*link)->seconds++ < ANSWER_S) {
			link = &(*link)->next;
			continue;
		}
		snprintf(text, sizeof text, "%.100s has not answered within %d s", (*link)->process->title, ANSWER_S);
		finish_in_vain(link, text, true);
	}
}
