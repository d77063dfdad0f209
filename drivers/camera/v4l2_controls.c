/* SPDX-License-Identifier: Apache-2.0 */
/* The controls of a V4L2 device: brightness, exposure and the like. Names are the driver's, written as one word. */
#include "v4l2.h"

#include "common/options.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define NAMES_MOST 128 /* of controls or choices in a sentence; vivid has 60 */

/* "Exposure Time, Absolute" becomes "exposure_time_absolute". */
static void make_word(const char *label, size_t most, char out[V4L2_NAME_BYTES])
{
	size_t length = 0;
	for (size_t i = 0; i < most && label[i] && length + 2 < V4L2_NAME_BYTES; i++) {
		if (isalnum((unsigned char)label[i]))
			out[length++] = (char)tolower((unsigned char)label[i]);
		else if (length && out[length - 1] != '_')
			out[length++] = '_';
	}
	while (length && out[length - 1] == '_')
		length--;
	out[length] = 0;
}

/* ---- values ------------------------------------------------------------------------------------------------------- */

/* One control's value to or from the device; text is for strings. */
static int exchange(const struct v4l2_device *device, unsigned long request, const struct v4l2_knob *control,
                    int64_t *value, char *text)
{
	struct v4l2_ext_control one = {.id = control->id};
	struct v4l2_ext_controls all = {.which = V4L2_CTRL_WHICH_CUR_VAL, .count = 1, .controls = &one};
	bool wide = control->type == V4L2_CTRL_TYPE_INTEGER64;
	if (control->type == V4L2_CTRL_TYPE_STRING) {
		one.size = V4L2_TEXT_BYTES;
		one.string = text;
	} else if (wide) {
		one.value64 = *value;
	} else {
		one.value = (int32_t)*value;
	}
	int status = v4l2_ioctl(device, request, &all);
	if (status == 0 && control->type != V4L2_CTRL_TYPE_STRING)
		*value = wide ? one.value64 : one.value;
	return status;
}

static bool has_menu(const struct v4l2_knob *control)
{
	return control->type == V4L2_CTRL_TYPE_MENU || control->type == V4L2_CTRL_TYPE_INTEGER_MENU;
}

struct menu_search {
	const char *name; /* looked for, or NULL: value is */
	int64_t value;
	bool found;
	struct v4l2_menu_item item;
};

static int match_item(const struct v4l2_menu_item *item, void *user)
{
	struct menu_search *search = user;
	search->found = search->name ? strcasecmp(item->name, search->name) == 0 : item->value == search->value;
	if (search->found)
		search->item = *item;
	return search->found;
}

/* Fill control->value with what holds now. */
static void read_value(const struct v4l2_device *device, struct v4l2_knob *control)
{
	int64_t value = 0;
	char text[V4L2_TEXT_BYTES] = "";
	control->value[0] = 0;
	if (control->type == V4L2_CTRL_TYPE_BUTTON || control->flags & V4L2_CTRL_FLAG_WRITE_ONLY ||
	    exchange(device, VIDIOC_G_EXT_CTRLS, control, &value, text) < 0)
		return;
	struct menu_search search = {.value = value};
	if (has_menu(control))
		v4l2_each_menu_item(device, control, match_item, &search);
	if (control->type == V4L2_CTRL_TYPE_STRING)
		snprintf(control->value, sizeof(control->value), "%s", text);
	else if (control->type == V4L2_CTRL_TYPE_BOOLEAN)
		snprintf(control->value, sizeof(control->value), "%s", value ? "on" : "off");
	else if (search.found)
		snprintf(control->value, sizeof(control->value), "%s", search.item.name);
	else
		snprintf(control->value, sizeof(control->value), "%lld", (long long)value);
}

/* ---- what there is ------------------------------------------------------------------------------------------------ */

int v4l2_each_control(const struct v4l2_device *device, int (*visit)(const struct v4l2_knob *control, void *user),
                      void *user)
{
	struct v4l2_query_ext_ctrl query = {.id = V4L2_CTRL_FLAG_NEXT_CTRL};
	int status = 0;
	while (status == 0 && v4l2_ioctl(device, VIDIOC_QUERY_EXT_CTRL, &query) == 0) {
		bool known = query.type != V4L2_CTRL_TYPE_CTRL_CLASS && query.type < V4L2_CTRL_COMPOUND_TYPES &&
		             query.nr_of_dims == 0 && !(query.flags & V4L2_CTRL_FLAG_DISABLED);
		struct v4l2_knob control = {.id = query.id,
		                            .type = query.type,
		                            .flags = query.flags,
		                            .min = query.minimum,
		                            .max = query.maximum,
		                            .step = (int64_t)query.step,
		                            .usual = query.default_value};
		make_word(query.name, sizeof(query.name), control.name);
		if (known) {
			read_value(device, &control);
			status = visit(&control, user);
		}
		query = (struct v4l2_query_ext_ctrl){.id = query.id | V4L2_CTRL_FLAG_NEXT_CTRL};
	}
	return status;
}

int v4l2_each_menu_item(const struct v4l2_device *device, const struct v4l2_knob *control,
                        int (*visit)(const struct v4l2_menu_item *item, void *user), void *user)
{
	int status = 0;
	for (int64_t i = control->min; has_menu(control) && i <= control->max && status == 0; i++) {
		struct v4l2_querymenu query = {.id = control->id, .index = (uint32_t)i};
		struct v4l2_menu_item item = {.value = i};
		if (v4l2_ioctl(device, VIDIOC_QUERYMENU, &query) < 0)
			continue; /* menus have holes */
		if (control->type == V4L2_CTRL_TYPE_MENU)
			make_word((const char *)query.name, sizeof(query.name), item.name);
		else
			snprintf(item.name, sizeof(item.name), "%lld", (long long)query.value);
		status = visit(&item, user);
	}
	return status;
}

/* ---- set one ------------------------------------------------------------------------------------------------------ */

/* Words for a sentence. */
struct names {
	char *items[NAMES_MOST];
	size_t count;
};

static void add_name(struct names *names, const char *name)
{
	char *copy = names->count < NAMES_MOST ? strdup(name) : NULL;
	if (copy)
		names->items[names->count++] = copy;
}

static void finish_names(struct names *names)
{
	for (size_t i = 0; i < names->count; i++)
		free(names->items[i]);
}

static int add_item_name(const struct v4l2_menu_item *item, void *user)
{
	add_name(user, item->name);
	return 0;
}

struct control_search {
	char name[V4L2_NAME_BYTES];
	uint32_t id; /* wanted, if name is "exposure" and no control is called that */
	bool found;
	struct v4l2_knob control;
	struct names names;
};

static int match_control(const struct v4l2_knob *control, void *user)
{
	struct control_search *search = user;
	add_name(&search->names, control->name);
	bool exact = strcmp(control->name, search->name) == 0;
	if (exact || (control->id == search->id && !search->found)) {
		search->control = *control;
		search->found = true;
	}
	return exact;
}

static void say_no_control(const struct v4l2_device *device, const struct control_search *search, char *error)
{
	const char *const *names = (const char *const *)search->names.items;
	const char *nearest = options_nearest_word(names, search->names.count, search->name);
	int length = snprintf(error, CAMERA_ERROR_BYTES, "%s (%s) has no control '%s'", device->path, device->card,
	                      search->name);
	if (nearest)
		snprintf(error + length, CAMERA_ERROR_BYTES - (size_t)length,
		         "; did you mean '%s'? `zoetrope devices %s` names all", nearest, device->path);
	else
		snprintf(error + length, CAMERA_ERROR_BYTES - (size_t)length, "; `zoetrope devices %s` names all",
		         device->path);
}

static int find_control(const struct v4l2_device *device, const char *name, struct v4l2_knob *out, char *error)
{
	struct control_search search = {.id = strcmp(name, "exposure") == 0 ? V4L2_CID_EXPOSURE_ABSOLUTE : 0};
	snprintf(search.name, sizeof(search.name), "%s", name);
	v4l2_each_control(device, match_control, &search);
	if (!search.found)
		say_no_control(device, &search, error);
	*out = search.control;
	finish_names(&search.names);
	return search.found ? 0 : -EINVAL;
}

static void say_wanted(const struct v4l2_device *device, const struct v4l2_knob *control, const char *text, char *error)
{
	char wanted[CAMERA_ERROR_BYTES / 2] = "";
	if (has_menu(control)) {
		struct names names = {0};
		v4l2_each_menu_item(device, control, add_item_name, &names);
		char *list = options_join(names.items, names.count);
		snprintf(wanted, sizeof(wanted), "one of %s", list ? list : "its menu");
		free(list);
		finish_names(&names);
	} else if (control->type == V4L2_CTRL_TYPE_BOOLEAN) {
		snprintf(wanted, sizeof(wanted), "on or off");
	} else if (control->type == V4L2_CTRL_TYPE_STRING) {
		snprintf(wanted, sizeof(wanted), "a text of %lld to %lld bytes", (long long)control->min,
		         (long long)control->max);
	} else {
		snprintf(wanted, sizeof(wanted), "a whole number from %lld to %lld", (long long)control->min,
		         (long long)control->max);
	}
	snprintf(error, CAMERA_ERROR_BYTES, "control '%s' of %s: wanted %.200s, found '%.60s'", control->name,
	         device->path, wanted, text);
}

/* Returns 0 | -EINVAL */
static int read_number(const char *text, int64_t *out)
{
	char *end;
	errno = 0;
	long long number = strtoll(text, &end, 0);
	if (!*text || *end || errno)
		return -EINVAL;
	*out = number;
	return 0;
}

static int read_switch(const char *text, int64_t *out)
{
	static const char *const words[] = {"off", "on", "false", "true", "no", "yes", "0", "1"};
	for (unsigned i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strcasecmp(text, words[i]) == 0) {
			*out = i % 2;
			return 0;
		}
	}
	return -EINVAL;
}

/* What text means for the control. Returns 0 | -EINVAL */
static int read_text(const struct v4l2_device *device, const struct v4l2_knob *control, const char *text, int64_t *out)
{
	struct menu_search search = {.name = text};
	int64_t length = (int64_t)strlen(text);
	switch (control->type) {
	case V4L2_CTRL_TYPE_BUTTON:
		return 0;
	case V4L2_CTRL_TYPE_STRING:
		return length >= control->min && length <= control->max && length < V4L2_TEXT_BYTES ? 0 : -EINVAL;
	case V4L2_CTRL_TYPE_BOOLEAN:
		return read_switch(text, out);
	default:
		break;
	}
	if (has_menu(control)) {
		v4l2_each_menu_item(device, control, match_item, &search);
		if (!search.found && control->type == V4L2_CTRL_TYPE_MENU && read_number(text, &search.value) == 0) {
			search.name = NULL;
			v4l2_each_menu_item(device, control, match_item, &search);
		}
		*out = search.item.value;
		return search.found ? 0 : -EINVAL;
	}
	/* A bit mask's least and largest values are bits, not an order. */
	bool mask = control->type == V4L2_CTRL_TYPE_BITMASK;
	return read_number(text, out) == 0 && (mask || (*out >= control->min && *out <= control->max)) ? 0 : -EINVAL;
}

static int say_refused(const struct v4l2_device *device, const struct v4l2_knob *control, int status, char *error)
{
	if (status == -EBUSY)
		snprintf(error, CAMERA_ERROR_BYTES,
		         "control '%s' of %s cannot be set while it streams, or while another program holds it",
		         control->name, device->path);
	else if (status == -EACCES)
		snprintf(error, CAMERA_ERROR_BYTES, "control '%s' of %s can only be read", control->name, device->path);
	else
		return v4l2_fail(device, status, "set a control", error);
	return status;
}

int v4l2_control_set(const struct v4l2_device *device, const char *assignment, struct v4l2_knob *out, char *error)
{
	const char *equal = strchr(assignment, '=');
	size_t length = equal ? (size_t)(equal - assignment) : 0;
	char name[V4L2_NAME_BYTES] = "", text[V4L2_TEXT_BYTES] = "";
	if (length == 0 || length >= sizeof(name) || strlen(equal + 1) >= sizeof(text)) {
		snprintf(error, CAMERA_ERROR_BYTES, "a control: wanted NAME=VALUE, found '%.80s'", assignment);
		return -EINVAL;
	}
	memcpy(name, assignment, length);
	snprintf(text, sizeof(text), "%s", equal + 1);
	struct v4l2_knob control;
	int64_t value = 0;
	int status = find_control(device, name, &control, error);
	if (status < 0)
		return status;
	if (read_text(device, &control, text, &value) < 0) {
		say_wanted(device, &control, text, error);
		return -EINVAL;
	}
	status = exchange(device, VIDIOC_S_EXT_CTRLS, &control, &value, text);
	if (status == -ERANGE || status == -EINVAL) { /* a hole in what it takes, which it does not describe */
		say_wanted(device, &control, text, error);
		return -EINVAL;
	}
	if (status < 0)
		return say_refused(device, &control, status, error);
	read_value(device, &control);
	*out = control;
	return 0;
}
