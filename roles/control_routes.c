/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Switches. Control keeps what is wanted, over restarts of the processes concerned, and what they last said they do.
 * capture goes to the camera, preview to preview, save to the recorder, detect to every detector of that camera.
 */
#include "control.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define ANSWER_S 2 /* a child that has not answered by then counts as not turned */

/* One request: it waits until every route has answered. */
struct turning {
	struct control *control;
	unsigned left;
	char camera[64]; /* or "all" */
	const char *verb;
	bool on;
	void (*done)(void *user, const json_t *answer);
	void *user;
};

/* One message "turn" on its way. */
struct turn {
	json_int_t id;
	struct route *route;
	struct turning *turning; /* NULL = nobody waits for it */
	unsigned seconds;
	struct turn *next;
};

/* The verbs, who serves each, and the option that says how it begins. */
static const struct verb {
	const char *name;
	const char *role;
	const char *nobody; /* why it cannot be on where no process serves it */
} verbs[] = {
    {"capture", "camera", "there is no such camera"},
    {"preview", "preview", "the configuration has no preview"},
    {"save", "recorder", "there is no recorder"},
    {"detect", "detector", "no detector looks at this camera"},
};

#define VERBS (sizeof verbs / sizeof *verbs)

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++) {
		if (!strcmp(verbs[i].name, name))
			return &verbs[i];
	}
	return NULL;
}

static bool serves(const struct process *process, const struct verb *verb, const char *camera)
{
	if (strcmp(process->entry->section->role, verb->role))
		return false;
	if (!strcmp(verb->role, "camera"))
		return !strcmp(process->entry->name, camera);
	return strcmp(verb->role, "detector") || control_config_watches(process->entry, camera);
}

static bool begins_on(const struct process *process, const char *verb)
{
	const struct option_row *row = options_find(process->entry->rows, verb);

	return *(const bool *)((const char *)process->entry->values + row->offset);
}

static void build_camera(struct control *control, const char *camera)
{
	for (size_t i = 0; i < VERBS; i++) {
		for (size_t j = 0; j < control->process_count; j++) {
			struct process *process = &control->processes[j];
			if (!serves(process, &verbs[i], camera))
				continue;
			control->routes[control->route_count++] = (struct route){
			    .camera = camera,
			    .verb = verbs[i].name,
			    .process = process,
			    .wanted = begins_on(process, verbs[i].name),
			    .reason = "not started yet",
			};
		}
	}
}

int routes_build(struct control *control)
{
	const struct config_entry *camera;

	/* No process serves a camera with more than one verb. */
	control->routes = calloc(control->process_count * control->config.count + 1, sizeof *control->routes);
	if (!control->routes)
		return -ENOMEM;
	for (size_t at = 0; (camera = control_config_next(&control->config, "cameras", &at));)
		build_camera(control, camera->name);
	return 0;
}

/* ---- what is, as JSON --------------------------------------------------------------------------------------- */

static json_t *make_answer(bool wanted, bool actual, const char *reason)
{
	json_t *answer = json_object();

	json_object_set_new(answer, "wanted", json_boolean(wanted));
	json_object_set_new(answer, "actual", json_boolean(actual));
	json_object_set_new(answer, "reason", channel_string(wanted == actual ? "" : reason));
	return answer;
}

static bool concerns(const struct route *route, const char *camera, const char *verb)
{
	return (!strcmp(camera, "all") || !strcmp(route->camera, camera)) && !strcmp(route->verb, verb);
}

/* Has every route what is wanted? If not, the first reason, and of several detectors whose it is. */
static json_t *aggregate(const struct control *control, const char *camera, const char *verb, bool wanted)
{
	char reason[CONTROL_TITLE_BYTES + CONTROL_REASON_BYTES + 2];
	bool served = false;
	size_t routes = 0;

	for (size_t i = 0; i < control->route_count; i++)
		routes += concerns(&control->routes[i], camera, verb);
	for (size_t i = 0; i < control->route_count; i++) {
		const struct route *route = &control->routes[i];
		if (!concerns(route, camera, verb))
			continue;
		served = true;
		if (route->actual == wanted)
			continue;
		bool whose = routes > 1 && *route->reason;
		snprintf(reason, sizeof reason, "%s%s%s", whose ? route->process->title : "", whose ? ": " : "",
		         route->reason);
		return make_answer(wanted, !wanted, reason);
	}
	return make_answer(wanted, served && wanted, find_verb(verb)->nobody);
}

json_t *routes_state(const struct control *control, const char *camera, const char *verb)
{
	bool wanted = false;

	for (size_t i = 0; i < control->route_count; i++)
		wanted |= concerns(&control->routes[i], camera, verb) && control->routes[i].wanted;
	return aggregate(control, camera, verb, wanted);
}

json_t *routes_switches(const struct process *process)
{
	const struct control *control = process->control;
	json_t *switches = json_object();

	for (size_t i = 0; i < control->route_count; i++) {
		const struct route *route = &control->routes[i];
		if (route->process != process)
			continue;
		json_t *of_camera = json_object_get(switches, route->camera);
		if (!of_camera) {
			of_camera = json_object();
			json_object_set_new(switches, route->camera, of_camera);
		}
		json_object_set_new(of_camera, route->verb, json_boolean(route->wanted));
	}
	return switches;
}

/* ---- turning ------------------------------------------------------------------------------------------------ */

/* One of the routes that a request waits for has answered. */
static void count_down(struct turning *turning)
{
	if (!turning || --turning->left)
		return;
	json_t *answer = aggregate(turning->control, turning->camera, turning->verb, turning->on);
	turning->done(turning->user, answer);
	json_decref(answer);
	free(turning);
}

static void set_actual(struct route *route, bool actual, const char *reason)
{
	if (route->actual != actual || strcmp(route->reason, reason))
		control_push_soon(route->process->control);
	route->actual = actual;
	snprintf(route->reason, sizeof route->reason, "%s", reason);
}

/* Forget one turn that has been answered or never will be. */
static void finish_turn(struct turn **link, bool actual, const char *reason)
{
	struct turn *turn = *link;

	*link = turn->next;
	set_actual(turn->route, actual, reason);
	count_down(turn->turning);
	free(turn);
}

/* Send "turn" with what is wanted of the route. Returns 0 | -ENOTCONN | -ENOMEM. */
static int send_turn(struct route *route, struct turning *turning)
{
	struct control *control = route->process->control;
	struct turn *turn = route->process->channel ? malloc(sizeof *turn) : NULL;

	if (!turn)
		return route->process->channel ? -ENOMEM : -ENOTCONN;
	json_t *message = channel_message("turn");
	json_object_set_new(message, "id", json_integer(++control->last_turn));
	json_object_set_new(message, "camera", json_string(route->camera));
	json_object_set_new(message, "verb", json_string(route->verb));
	json_object_set_new(message, "on", json_boolean(route->wanted));
	int status = process_send(route->process, message);
	if (status < 0) {
		free(turn);
		return status;
	}
	*turn = (struct turn){.id = control->last_turn, .route = route, .turning = turning, .next = control->turns};
	control->turns = turn;
	return 0;
}

void control_fail(void (*done)(void *user, const json_t *answer), void *user, const char *text)
{
	json_t *error = json_object();

	json_object_set_new(error, "error", channel_string(text));
	done(user, error);
	json_decref(error);
}

bool control_check_camera(const struct control *control, const char *camera, char *out, size_t size)
{
	const struct config_entry *entry;
	const char *names[256];
	size_t count = 0;
	bool known = false;

	for (size_t at = 0; count < 256 && (entry = control_config_next(&control->config, "cameras", &at));) {
		known |= !strcmp(entry->name, camera);
		names[count++] = entry->name;
	}
	if (!known) {
		char *list = options_join((char *const *)names, count);
		snprintf(out, size, "there is no camera '%.60s'; there are: %.300s", camera, list ? list : "");
		free(list);
	}
	return known;
}

/* Is there such a camera and such a verb? If not, the sentence. */
static bool check_names(const struct control *control, const char *camera, const char *verb, char *out, size_t size)
{
	if (strcmp(camera, "all") != 0 && !control_check_camera(control, camera, out, size))
		return false;
	if (find_verb(verb))
		return true;
	snprintf(out, size, "there is no switch '%.60s'; wanted capture, preview, save or detect", verb);
	return false;
}

void routes_turn(struct control *control, const char *camera, const char *verb, bool on,
                 void (*done)(void *user, const json_t *answer), void *user)
{
	char error[512];
	struct turning *turning;

	if (!check_names(control, camera, verb, error, sizeof error)) {
		control_fail(done, user, error);
		return;
	}
	turning = malloc(sizeof *turning);
	if (!turning) {
		control_fail(done, user, "out of memory");
		return;
	}
	*turning = (struct turning){
	    .control = control, .left = 1, .verb = find_verb(verb)->name, .on = on, .done = done, .user = user};
	snprintf(turning->camera, sizeof turning->camera, "%s", camera);
	for (size_t i = 0; i < control->route_count; i++) {
		struct route *route = &control->routes[i];
		if (!concerns(route, camera, verb))
			continue;
		if (route->wanted != on)
			control_push_soon(control);
		route->wanted = on;
		turning->left++;
		if (send_turn(route, turning) < 0)
			count_down(turning); /* a process that is not there does nothing; its next life is told */
	}
	count_down(turning); /* the one from the beginning, so that it cannot end before all are sent */
}

void routes_introduce(struct process *process)
{
	struct control *control = process->control;

	for (size_t i = 0; i < control->route_count; i++) {
		if (control->routes[i].process == process)
			send_turn(&control->routes[i], NULL);
	}
}

void routes_take_turned(struct process *process, const json_t *message)
{
	json_int_t id = json_integer_value(json_object_get(message, "id"));

	for (struct turn **link = &process->control->turns; *link; link = &(*link)->next) {
		if ((*link)->id == id && (*link)->route->process == process) {
			finish_turn(link, channel_get_bool(message, "actual", false),
			            channel_get_text(message, "reason", ""));
			return;
		}
	}
}

/* A camera says itself whether frames come: a device that was lost is found again without anybody turning a switch. */
void routes_take_state(struct process *process)
{
	struct control *control = process->control;
	bool streaming = !strcmp(process->state, "streaming") || !strcmp(process->state, "stalled");
	char reason[CONTROL_REASON_BYTES];

	snprintf(reason, sizeof reason, "%s%s%.200s", process->state, *process->reason ? ": " : "", process->reason);
	for (size_t i = 0; i < control->route_count; i++) {
		struct route *route = &control->routes[i];
		if (route->process == process && !strcmp(route->verb, "capture"))
			set_actual(route, streaming, reason);
	}
}

void routes_lost(struct process *process, const char *reason)
{
	struct control *control = process->control;

	for (size_t i = 0; i < control->route_count; i++) {
		if (control->routes[i].process == process)
			set_actual(&control->routes[i], false, reason);
	}
	for (struct turn **link = &control->turns; *link;) {
		if ((*link)->route->process == process)
			finish_turn(link, false, reason);
		else
			link = &(*link)->next;
	}
}

void routes_tick(struct control *control)
{
	char reason[CONTROL_REASON_BYTES];

	for (struct turn **link = &control->turns; *link;) {
		struct turn *turn = *link;
		if (turn->seconds++ < ANSWER_S) {
			link = &turn->next;
			continue;
		}
		snprintf(reason, sizeof reason, "%.100s has not answered within %d s", turn->route->process->title,
		         ANSWER_S);
		finish_turn(link, turn->route->actual, reason);
	}
}

void routes_free(struct control *control)
{
	free(control->routes);
	control->routes = NULL;
}
