/* SPDX-License-Identifier: Apache-2.0 */
/* See camera_settings.h. */
#include "camera_settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define PATIENCE_NS 3000000000 /* for the source to be open again; control waits 5 s */

/* A change that is wanted. */
struct change {
	json_int_t id;
	json_t *wanted;
	struct source_shape shape; /* as it is to be; its controls only those that are named */
	char actual[CAMERA_CONTROLS_BYTES];
	struct source_shape before; /* while the source is opened anew, as of deadline_ns != 0 */
	uint64_t errors_before;
	int64_t deadline_ns;
	bool was_away; /* the camera, before it was told */
	int status;
	char error[CAMERA_ERROR_BYTES];
	struct change *next;
};

struct camera_settings {
	struct role *role;
	struct source *source;
	const struct camera_driver *driver;
	struct camera_request request;
	struct change *changes; /* the first is under way */
	uv_work_t work;
	bool working, closed;
};

/* ---- lines of controls ------------------------------------------------------------------------------------------- */

/* The line of a control, or NULL. */
static char *find_line(char *lines, const char *name, size_t length)
{
	for (char *line = lines; *line; line += strcspn(line, "\n") + 1)
		if (strncmp(line, name, length) == 0 && line[length] == '=')
			return line;
	return NULL;
}

/* Put "name=value" at the end, in place of what there was of that name. Returns 0 | -E2BIG */
static int put_line(char lines[CAMERA_CONTROLS_BYTES], const char *assignment, size_t length)
{
	char *old = find_line(lines, assignment, strcspn(assignment, "="));
	if (old) {
		char *next = old + strcspn(old, "\n") + 1;
		memmove(old, next, strlen(next) + 1);
	}
	size_t used = strlen(lines);
	if (used + length + 2 > CAMERA_CONTROLS_BYTES)
		return -E2BIG;
	memcpy(lines + used, assignment, length);
	memcpy(lines + used + length, "\n", 2);
	return 0;
}

static void put_lines(char lines[CAMERA_CONTROLS_BYTES], const char *more)
{
	for (const char *line = more; *line; line += strcspn(line, "\n") + 1)
		put_line(lines, line, strcspn(line, "\n"));
}

/* ---- reading what is wanted -------------------------------------------------------------------------------------- */

static const char *const shape_names[] = {"width", "height", "fps", "format"};

#define SHAPE_NAMES (sizeof(shape_names) / sizeof(*shape_names))

static bool is_of_shape(const char *name)
{
	for (size_t i = 0; i < SHAPE_NAMES; i++)
		if (strcmp(name, shape_names[i]) == 0)
			return true;
	return false;
}

static int read_control(const struct camera_settings *settings, const char *name, const char *text,
                        struct source_shape *shape, char *error)
{
	char assignment[CAMERA_SHOWN_BYTES];
	int length = snprintf(assignment, sizeof(assignment), "%s=%s", name, text);
	const char *nearest = options_nearest_word(shape_names, SHAPE_NAMES, name);
	if (!settings->driver->set) {
		snprintf(
		    error, CAMERA_ERROR_BYTES,
		    "%s has no controls, so '%.60s' cannot be set; what can be set is width, height, fps, format%s%s%s",
		    settings->request.shown, name, nearest ? ". Did you mean '" : "", nearest ? nearest : "",
		    nearest ? "'?" : "");
		return -EINVAL;
	}
	if (!*name || strpbrk(name, "=\n") || strchr(text, '\n') || length >= (int)sizeof(assignment) ||
	    put_line(shape->controls, assignment, (size_t)length) < 0) {
		snprintf(error, CAMERA_ERROR_BYTES, "control '%.60s': the name, the value or all of them are too long",
		         name);
		return -EINVAL;
	}
	return 0;
}

/* scratch: where the rows of the configuration put what they have checked. */
static int read_one(const struct camera_settings *settings, const char *name, const json_t *value,
                    struct camera_config *scratch, struct source_shape *shape, char *error)
{
	char number[40];
	const char *text = json_is_string(value) ? json_string_value(value) : number;
	snprintf(number, sizeof(number), "%s", json_is_true(value) ? "on" : "off");
	if (json_is_number(value))
		snprintf(number, sizeof(number), "%.15g", json_number_value(value));
	if (json_is_array(value) || json_is_object(value) || json_is_null(value)) {
		snprintf(error, CAMERA_ERROR_BYTES, "'%.60s': wanted a number, a text, true or false", name);
		return -EINVAL;
	}
	if (!is_of_shape(name))
		return read_control(settings, name, text, shape, error);
	if (options_set(camera_rows, scratch, name, text, error) < 0)
		return -EINVAL;
	if (strcmp(name, "width") == 0)
		shape->width = (unsigned)scratch->width;
	else if (strcmp(name, "height") == 0)
		shape->height = (unsigned)scratch->height;
	else if (strcmp(name, "fps") == 0)
		shape->fps = scratch->fps;
	else
		shape->format = camera_format_find(scratch->format);
	return 0;
}

/* shape: in, what holds, without controls. Returns 0 | -EINVAL | -ENOMEM with a sentence */
static int read_wanted(const struct camera_settings *settings, const json_t *wanted, struct source_shape *shape,
                       char *error)
{
	struct camera_config scratch;
	const char *name;
	json_t *value;
	int status = options_init(camera_rows, &scratch);
	if (status < 0)
		snprintf(error, CAMERA_ERROR_BYTES, "no memory");
	else if (!json_object_size(wanted)) {
		snprintf(error, CAMERA_ERROR_BYTES, "wanted a setting, such as fps=10; found none");
		status = -EINVAL;
	}
	json_object_foreach((json_t *)wanted, name, value)
	{
		if (status == 0)
			status = read_one(settings, name, value, &scratch, shape, error);
	}
	options_finish(camera_rows, &scratch);
	return status;
}

/* ---- what became of it ------------------------------------------------------------------------------------------- */

static const char *format_word(uint32_t format)
{
	static const char *const words[] = {"I420", "I422", "I444", "NV12", "YUYV", "UYVY", "GREY", "RGB24", "BGR24"};
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (camera_format_find(words[i]) == format)
			return words[i];
	return "own";
}

static void put_control(json_t *actual, const char *name, const char *lines)
{
	size_t length = strlen(name);
	const char *line = find_line((char *)(uintptr_t)lines, name, length);
	if (!line)
		return;
	const char *value = line + length + 1;
	char text[CAMERA_SHOWN_BYTES];
	snprintf(text, sizeof(text), "%.*s", (int)strcspn(value, "\n"), value);
	json_object_set_new(actual, name, json_string(text));
}

/* What holds now of what was wanted; out_as_wanted: size and rate are. */
static json_t *actual_of(const struct change *change, const struct source_status *status, bool *out_as_wanted)
{
	const struct camera_mode *mode = &status->mode;
	const struct source_shape *shape = &change->shape;
	json_t *actual = json_object(), *value;
	const char *name;
	*out_as_wanted = true;
	json_object_foreach(change->wanted, name, value)
	{
		if (!is_of_shape(name)) {
			put_control(actual, name, change->actual);
		} else if (strcmp(name, "width") == 0) {
			json_object_set_new(actual, name, json_integer(mode->image.width));
			*out_as_wanted &= !shape->width || shape->width == mode->image.width;
		} else if (strcmp(name, "height") == 0) {
			json_object_set_new(actual, name, json_integer(mode->image.height));
			*out_as_wanted &= !shape->height || shape->height == mode->image.height;
		} else if (strcmp(name, "fps") == 0) {
			metrics_put(actual, name, mode->fps);
			*out_as_wanted &=
			    shape->fps <= 0 || (mode->fps > shape->fps * 0.99 && mode->fps < shape->fps * 1.01);
		} else {
			json_object_set_new(actual, name, json_string(format_word(mode->image.format)));
			*out_as_wanted &= !shape->format || shape->format == mode->image.format;
		}
	}
	return actual;
}

static void begin_first(struct camera_settings *settings);

/* Answer and forget the change under way. */
static void finish_first(struct camera_settings *settings, json_t *actual, const char *reason)
{
	struct change *change = settings->changes;
	settings->changes = change->next;
	if (change->status < 0)
		role_not_set(settings->role, change->id, change->error, change->status != -EINVAL);
	else
		role_was_set(settings->role, change->id, actual, reason);
	json_decref(change->wanted);
	free(change);
	role_changed(settings->role);
	begin_first(settings);
}

static bool is_away(const struct source_status *status)
{
	return status->state.phase == CAMERA_LOST || status->state.phase == CAMERA_RETRYING;
}

/* The source was to be opened anew. A camera that was there is away because of what was wanted of it. */
static void finish_reshaped(struct camera_settings *settings, const struct source_status *status)
{
	struct change *change = settings->changes;
	if (status->errors > change->errors_before && is_away(status)) {
		snprintf(change->error, sizeof(change->error), "%s", status->error);
		change->status = change->was_away ? -ENODEV : -EINVAL;
		source_reshape(settings->source, &change->before);
		finish_first(settings, NULL, "");
		return;
	}
	bool as_wanted, off = status->state.phase == CAMERA_OFF;
	json_t *actual = actual_of(change, status, &as_wanted);
	finish_first(settings, actual,
	             as_wanted                           ? ""
	             : off                               ? "capture is off; it holds from when it is turned on"
	             : !source_settled(settings->source) ? "the source has not been opened anew yet"
	                                                 : status->mode.note);
}

void camera_settings_tick(struct camera_settings *settings)
{
	struct source_status status;
	if (!settings || !settings->changes || settings->working || !settings->changes->deadline_ns)
		return;
	if (!source_settled(settings->source) && zoe_now_ns() < settings->changes->deadline_ns)
		return;
	source_look(settings->source, &status);
	finish_reshaped(settings, &status);
}

/* ---- doing it ---------------------------------------------------------------------------------------------------- */

/* The device has taken the controls, if there are any; now for the shape. */
static void reshape(struct camera_settings *settings)
{
	struct change *change = settings->changes;
	struct source_status status;
	source_shape(settings->source, &change->before);
	source_look(settings->source, &status);
	struct source_shape shape = change->shape;
	memcpy(shape.controls, change->before.controls, sizeof(shape.controls));
	put_lines(shape.controls, change->shape.controls);
	change->errors_before = status.errors;
	change->was_away = is_away(&status);
	change->deadline_ns = zoe_now_ns() + PATIENCE_NS;
	source_reshape(settings->source, &shape);
	camera_settings_tick(settings);
}

/* On a thread of libuv's. */
static void tell_device(uv_work_t *work)
{
	struct camera_settings *settings = work->data;
	struct change *change = settings->changes;
	change->status =
	    settings->driver->set(&settings->request, change->shape.controls, change->actual, change->error);
}

static void on_told(uv_work_t *work, int status)
{
	struct camera_settings *settings = work->data;
	settings->working = false;
	if (settings->closed)
		camera_settings_destroy(settings);
	else if (settings->changes->status < 0)
		finish_first(settings, NULL, "");
	else
		reshape(settings);
}

static void begin_first(struct camera_settings *settings)
{
	struct change *change = settings->changes;
	if (!change)
		return;
	struct source_shape *shape = &change->shape;
	source_shape(settings->source, shape);
	shape->controls[0] = 0;
	change->status = read_wanted(settings, change->wanted, shape, change->error);
	if (change->status < 0) {
		finish_first(settings, NULL, "");
		return;
	}
	if (!*shape->controls) {
		reshape(settings);
		return;
	}
	settings->working = true;
	uv_queue_work(settings->role->loop, &settings->work, tell_device, on_told);
}

void camera_settings_set(struct camera_settings *settings, const json_t *wanted, json_int_t id)
{
	struct change *change = calloc(1, sizeof(*change)), **link = &settings->changes;
	if (!change) {
		role_not_set(settings->role, id, "no memory", true);
		return;
	}
	*change = (struct change){.id = id, .wanted = json_deep_copy(wanted)};
	while (*link)
		link = &(*link)->next;
	*link = change;
	if (change == settings->changes)
		begin_first(settings);
}

/* ---- beginning and end ------------------------------------------------------------------------------------------- */

int camera_settings_create(struct role *role, struct source *source, const struct camera_driver *driver,
                           const struct camera_request *request, const struct camera_config *config,
                           struct camera_settings **out, char *error)
{
	struct source_shape shape;
	const json_t *before = role_settings(role, role->name);
	struct camera_settings *settings = calloc(1, sizeof(*settings));
	if (!settings) {
		snprintf(error, CAMERA_ERROR_BYTES, "no memory");
		return -ENOMEM;
	}
	*settings = (struct camera_settings){.role = role, .source = source, .driver = driver, .request = *request};
	settings->work.data = settings;
	source_shape(source, &shape);
	int status = 0;
	for (size_t i = 0; i < config->controls.count && status == 0; i++) {
		char name[CAMERA_SHOWN_BYTES];
		const char *item = config->controls.items[i], *equal = strchr(item, '=');
		snprintf(name, sizeof(name), "%.*s", equal ? (int)(equal - item) : 0, item);
		if (*name) {
			status = read_control(settings, name, equal + 1, &shape, error);
		} else {
			snprintf(error, CAMERA_ERROR_BYTES,
			         "key 'controls': wanted NAME=VALUE, such as exposure=200, found '%.60s'", item);
			status = -EINVAL;
		}
	}
	if (status == 0 && json_object_size(before))
		status = read_wanted(settings, before, &shape, error);
	if (status < 0) {
		free(settings);
		return status;
	}
	source_reshape(source, &shape);
	*out = settings;
	return 0;
}

void camera_settings_destroy(struct camera_settings *settings)
{
	if (!settings)
		return;
	settings->closed = true;
	if (settings->working)
		return; /* on_told() comes back */
	while (settings->changes) {
		struct change *next = settings->changes->next;
		json_decref(settings->changes->wanted);
		free(settings->changes);
		settings->changes = next;
	}
	free(settings);
}
