/* SPDX-License-Identifier: Apache-2.0 */
/* What a role says to control and hears from it: docs/protocol.md. Also the role's log, since errors go up the channel.
 */
#include "log.h"
#include "role_private.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#define CHANGED_NS 50000000 /* role_changed() sends at most 20 times a second, however often it is called */

struct role_pending {
	json_int_t id;
	void (*done)(void *user, const json_t *answer);
	void *user;
	struct role_pending *next;
};

static void tell(struct role *role, json_t *message)
{
	if (role->private_->channel)
		channel_send(role->private_->channel, message);
	else
		json_decref(message);
}

static void send_hello(struct role *role)
{
	json_t *message = channel_message("hello");

	json_object_set_new(message, "role", json_string(role->ops->role));
	json_object_set_new(message, "name", channel_string(role->name));
	json_object_set_new(message, "pid", json_integer(uv_os_getpid()));
	json_object_set_new(message, "wants_system", json_boolean(role->ops->system));
	tell(role, message);
}

void role_send_state(struct role *role)
{
	struct role_private *private = role->private_;

	uv_timer_stop(&private->soon);
	if (!private->channel)
		return;
	json_t *message = channel_message("state");
	json_object_set_new(message, "state", json_string(private->state));
	json_object_set_new(message, "reason", channel_string(private->reason));
	json_object_set_new(message, "cpus", json_string(private->cpus));
	json_object_set_new(message, "policy", json_string(private->policy));
	json_t *metrics = private->opened && role->ops->metrics ? role->ops->metrics(role) : NULL;
	if (metrics)
		json_object_set_new(message, "metrics", metrics);
	private->sent_ns = zoe_now_ns();
	tell(role, message);
}

static void on_soon(uv_timer_t *timer)
{
	role_send_state(timer->data);
}

/* Send the state in a later turn of the loop: the role may be in the middle of a change now. */
static void send_soon(struct role *role, int64_t delay_ns)
{
	struct role_private *private = role->private_;
	uint64_t delay_ms = delay_ns > 0 ? (uint64_t)delay_ns / 1000000 : 0;

	if (!private->opened || private->stopping)
		return;
	if (uv_is_active((uv_handle_t *)&private->soon) && uv_timer_get_due_in(&private->soon) <= delay_ms)
		return;
	uv_timer_start(&private->soon, on_soon, delay_ms, 0);
}

void role_state(struct role *role, const char *state, const char *format, ...)
{
	struct role_private *private = role->private_;
	char reason[ROLE_REASON_BYTES];
	va_list args;

	va_start(args, format);
	vsnprintf(reason, sizeof reason, format, args);
	va_end(args);
	if (!strcmp(private->state, state) && !strcmp(private->reason, reason))
		return;
	snprintf(private->state, sizeof private->state, "%s", state);
	snprintf(private->reason, sizeof private->reason, "%s", reason);
	send_soon(role, 0);
}

void role_changed(struct role *role)
{
	send_soon(role, role->private_->sent_ns + CHANGED_NS - zoe_now_ns());
}

/* "camera front"; "preview" */
static void title(const struct role *role, char *out, size_t size)
{
	if (!strcmp(role->name, role->ops->role))
		snprintf(out, size, "%s", role->name);
	else
		snprintf(out, size, "%s %s", role->ops->role, role->name);
}

static void send_error(struct role *role, bool last, const char *format, va_list args)
{
	struct role_private *private = role->private_;
	char text[1024], who[128];

	vsnprintf(text, sizeof text, format, args);
	if (!private->channel) {
		title(role, who, sizeof who);
		log_line(who, "%s", text);
		return;
	}
	json_t *message = channel_message("error"); /* control logs it */
	json_object_set_new(message, "text", channel_string(text));
	if (last)
		json_object_set_new(message, "last", json_true());
	tell(role, message);
}

void role_error(struct role *role, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	send_error(role, false, format, args);
	va_end(args);
}

void role_die(struct role *role, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	send_error(role, true, format, args);
	va_end(args);
	raise(SIGKILL);
	abort();
}

void role_info(struct role *role, const char *format, ...)
{
	const char *log = role->private_->command.log;
	char who[128];
	va_list args;

	if (log && !strcmp(log, "error"))
		return;
	title(role, who, sizeof who);
	va_start(args, format);
	log_line_v(who, format, args);
	va_end(args);
}

bool role_wanted(const struct role *role, const char *camera, const char *verb)
{
	const struct role_private *private = role->private_;
	const struct option_row *row = options_find(private->rows, verb);
	bool fallback = row && row->type == OPTION_BOOL && *(const bool *)((const char *)role->options + row->offset);

	return channel_get_bool(json_object_get(private->switches, camera), verb, fallback);
}

static void remember_switch(struct role *role, const char *camera, const char *verb, bool on)
{
	json_t *of_camera = json_object_get(role->private_->switches, camera);

	if (!of_camera) {
		of_camera = json_object();
		json_object_set_new(role->private_->switches, camera, of_camera);
	}
	json_object_set_new(of_camera, verb, json_boolean(on));
}

static void take_start(struct role *role, const json_t *message)
{
	const json_t *switches = json_object_get(message, "switches");
	const char *camera, *verb;
	json_t *verbs, *on;

	json_object_foreach((json_t *)switches, camera, verbs)
	{
		json_object_foreach(verbs, verb, on) remember_switch(role, camera, verb, json_is_true(on));
	}
	role->private_->settings = json_deep_copy(json_object_get(message, "settings"));
	role_begin(role);
}

const json_t *role_settings(const struct role *role, const char *camera)
{
	return json_object_get(role->private_->settings, camera);
}

static void take_turn(struct role *role, const json_t *message)
{
	struct role_answer answer = {.reason = "not started yet"};
	const char *camera = channel_get_text(message, "camera", ""), *verb = channel_get_text(message, "verb", "");
	bool on = channel_get_bool(message, "on", false);

	remember_switch(role, camera, verb, on);
	if (role->private_->opened && role->ops->turn) {
		answer = (struct role_answer){.actual = on};
		role->ops->turn(role, camera, verb, on, &answer);
	} else if (role->private_->opened) {
		snprintf(answer.reason, sizeof answer.reason, "%s has no switches", role->ops->role);
	}
	json_t *reply = channel_message("turned");
	json_object_set(reply, "id", json_object_get(message, "id"));
	json_object_set_new(reply, "actual", json_boolean(answer.actual));
	json_object_set_new(reply, "reason", channel_string(answer.reason));
	tell(role, reply);
}

static void take_set(struct role *role, const json_t *message)
{
	const char *camera = channel_get_text(message, "camera", "");
	json_int_t id = json_integer_value(json_object_get(message, "id"));
	char text[ROLE_REASON_BYTES];

	if (role->private_->opened && role->ops->set) {
		role->ops->set(role, camera, json_object_get(message, "settings"), id);
		return;
	}
	snprintf(text, sizeof text, "%s %s", role->ops->role,
	         role->ops->set ? "has not started yet" : "has no settings");
	role_not_set(role, id, text, role->ops->set != NULL);
}

void role_was_set(struct role *role, json_int_t id, json_t *actual, const char *reason)
{
	json_t *reply = channel_message("was_set");

	json_object_set_new(reply, "id", json_integer(id));
	json_object_set_new(reply, "actual", actual);
	json_object_set_new(reply, "reason", channel_string(reason));
	tell(role, reply);
}

void role_not_set(struct role *role, json_int_t id, const char *error, bool away)
{
	json_t *reply = channel_message("was_set");

	json_object_set_new(reply, "id", json_integer(id));
	json_object_set_new(reply, "error", channel_string(error));
	json_object_set_new(reply, "away", json_boolean(away));
	tell(role, reply);
}

/* Answer and forget one request. */
static void finish_pending(struct role_pending **link, const json_t *answer)
{
	struct role_pending *pending = *link;

	*link = pending->next;
	pending->done(pending->user, answer);
	free(pending);
}

static void take_answer(struct role *role, const json_t *message)
{
	json_int_t id = json_integer_value(json_object_get(message, "id"));

	for (struct role_pending **link = &role->private_->pending; *link; link = &(*link)->next) {
		if ((*link)->id == id) {
			finish_pending(link, message);
			return;
		}
	}
}

static void on_message(void *user, const char *type, const json_t *message)
{
	struct role *role = user;

	if (!strcmp(type, "start"))
		take_start(role, message);
	else if (!strcmp(type, "turn"))
		take_turn(role, message);
	else if (!strcmp(type, "set"))
		take_set(role, message);
	else if (!strcmp(type, "system") && role->ops->system && role->private_->opened)
		role->ops->system(role, json_object_get(message, "state"));
	else if (!strcmp(type, "answer"))
		take_answer(role, message);
	else if (!strcmp(type, "quit"))
		role_stop(role, 0);
}

static void drop_channel(struct role *role)
{
	struct role_private *private = role->private_;
	json_t *answer = json_pack("{s:s}", "error", "the control process is gone");

	channel_close(private->channel);
	private->channel = NULL;
	while (private->pending)
		finish_pending(&private->pending, answer);
	json_decref(answer);
}

static void on_closed(void *user, const char *why)
{
	struct role *role = user;

	drop_channel(role);
	if (*why)
		role_error(role, "the control process %s", why);
	role_stop(role, *why ? 1 : 0);
}

void role_channel_open(struct role *role, int fd)
{
	static const struct channel_ops ops = {.message = on_message, .closed = on_closed};

	if (fd < 0)
		return;
	int status = channel_open(role->loop, fd, CHANNEL_LINE_CONTROL, &ops, role, &role->private_->channel);
	if (status < 0)
		role_error(role, "ZOETROPE_CHANNEL=%d is no connected socket: %s", fd, uv_strerror(status));
	send_hello(role);
}

void role_channel_close(struct role *role)
{
	drop_channel(role);
}

/* Send a request, of whose message camera, verb and the like are there. */
static int ask(struct role *role, json_t *message, void (*done)(void *user, const json_t *answer), void *user)
{
	struct role_private *private = role->private_;
	struct role_pending *pending = private->channel ? malloc(sizeof *pending) : NULL;

	if (!pending) {
		json_decref(message);
		return private->channel ? -ENOMEM : -ENOTCONN;
	}
	*pending =
	    (struct role_pending){.id = ++private->last_id, .done = done, .user = user, .next = private->pending};
	private->pending = pending;
	json_object_set_new(message, "id", json_integer(pending->id));
	tell(role, message);
	return 0;
}

int role_request(struct role *role, const char *camera, const char *verb, bool on,
                 void (*done)(void *user, const json_t *answer), void *user)
{
	json_t *message = channel_message("request");

	json_object_set_new(message, "camera", channel_string(camera));
	json_object_set_new(message, "verb", channel_string(verb));
	json_object_set_new(message, "on", json_boolean(on));
	return ask(role, message, done, user);
}

int role_request_set(struct role *role, const char *camera, const json_t *settings,
                     void (*done)(void *user, const json_t *answer), void *user)
{
	json_t *message = channel_message("request");

	json_object_set_new(message, "camera", channel_string(camera));
	json_object_set_new(message, "verb", json_string("set"));
	json_object_set_new(message, "settings", json_deep_copy(settings));
	return ask(role, message, done, user);
}
