/* SPDX-License-Identifier: Apache-2.0 */
/* See devices.h. */
#include "devices.h"

#include "drivers/camera/v4l2.h"

#include <string.h>

/* What is being described: its sizes or items go into list. */
struct look {
	const struct v4l2_device *device;
	uint32_t code;
	json_t *list;
};

static void put_number(json_t *object, const char *key, int64_t value)
{
	json_object_set_new(object, key, json_integer((json_int_t)value));
}

/* ---- rates, sizes, formats ------------------------------------------------------------------------------------------ */

static double rate_of(const struct v4l2_fract *period)
{
	return period->numerator ? (double)period->denominator / period->numerator : 0;
}

static int look_at_rate(const struct v4l2_frmivalenum *rate, void *user)
{
	struct look *look = user;
	if (rate->type == V4L2_FRMIVAL_TYPE_DISCRETE)
		json_array_append_new(look->list, json_real(rate_of(&rate->discrete)));
	else
		json_array_append_new(look->list, json_pack("{s:f, s:f}", "min", rate_of(&rate->stepwise.max), "max",
		                                            rate_of(&rate->stepwise.min)));
	return 0;
}

static json_t *rates_of(const struct look *of, unsigned width, unsigned height)
{
	struct look look = {.list = json_array()};
	v4l2_each_rate(of->device, of->code, width, height, look_at_rate, &look);
	return look.list;
}

static int look_at_size(const struct v4l2_frmsizeenum *size, void *user)
{
	struct look *look = user;
	json_t *json = json_object();
	const struct v4l2_frmsize_stepwise *range = &size->stepwise;
	if (size->type == V4L2_FRMSIZE_TYPE_DISCRETE) {
		put_number(json, "width", size->discrete.width);
		put_number(json, "height", size->discrete.height);
		json_object_set_new(json, "rates", rates_of(look, size->discrete.width, size->discrete.height));
	} else {
		put_number(json, "min_width", range->min_width);
		put_number(json, "min_height", range->min_height);
		put_number(json, "max_width", range->max_width);
		put_number(json, "max_height", range->max_height);
		put_number(json, "step_width", range->step_width);
		put_number(json, "step_height", range->step_height);
		json_object_set_new(json, "rates", rates_of(look, range->max_width, range->max_height));
	}
	json_array_append_new(look->list, json);
	return 0;
}

static int look_at_format(const struct v4l2_fmtdesc *format, void *user)
{
	struct look *look = user, sizes = {.device = look->device, .code = format->pixelformat, .list = json_array()};
	char code[5];
	zoe_format_name(format->pixelformat, code);
	v4l2_each_size(look->device, format->pixelformat, look_at_size, &sizes);
	json_t *json = json_pack("{s:s, s:o?, s:b, s:b, s:o}", "format", code, "description",
	                         json_stringn((const char *)format->description,
	                                      strnlen((const char *)format->description, sizeof(format->description))),
	                         "compressed", (int)(format->flags & V4L2_FMT_FLAG_COMPRESSED), "read",
	                         v4l2_kind_find(format->pixelformat) != NULL, "sizes", sizes.list);
	json_array_append_new(look->list, json);
	return 0;
}

/* ---- controls ------------------------------------------------------------------------------------------------------- */

static const char *type_name(uint32_t type)
{
	switch (type) {
	case V4L2_CTRL_TYPE_BOOLEAN:
		return "switch";
	case V4L2_CTRL_TYPE_MENU:
	case V4L2_CTRL_TYPE_INTEGER_MENU:
		return "menu";
	case V4L2_CTRL_TYPE_BUTTON:
		return "button";
	case V4L2_CTRL_TYPE_STRING:
		return "text";
	case V4L2_CTRL_TYPE_BITMASK:
		return "bits";
	default:
		return "number";
	}
}

struct menu_look {
	json_t *items;
	int64_t usual;
	json_t *control;
};

static int look_at_item(const struct v4l2_menu_item *item, void *user)
{
	struct menu_look *look = user;
	json_array_append_new(look->items, json_string(item->name));
	if (item->value == look->usual)
		json_object_set_new(look->control, "default", json_string(item->name));
	return 0;
}

static int look_at_control(const struct v4l2_knob *control, void *user)
{
	struct look *look = user;
	const char *type = type_name(control->type);
	json_t *json = json_pack("{s:s, s:s}", "name", control->name, "type", type);
	if (!strcmp(type, "menu")) {
		struct menu_look menu = {.items = json_array(), .usual = control->usual, .control = json};
		v4l2_each_menu_item(look->device, control, look_at_item, &menu);
		json_object_set_new(json, "menu", menu.items);
	} else if (!strcmp(type, "switch")) {
		json_object_set_new(json, "default", json_string(control->usual ? "on" : "off"));
	} else if (strcmp(type, "button") != 0) {
		put_number(json, "min", control->min);
		put_number(json, "max", control->max);
		put_number(json, "step", control->step);
		if (strcmp(type, "text") != 0)
			put_number(json, "default", control->usual);
	}
	json_object_set_new(json, "value", *control->value ? json_string(control->value) : json_null());
	json_object_set_new(json, "read_only", json_boolean(control->flags & V4L2_CTRL_FLAG_READ_ONLY));
	/* Another control, such as automatic exposure, does its work now. */
	json_object_set_new(json, "inactive", json_boolean(control->flags & V4L2_CTRL_FLAG_INACTIVE));
	json_array_append_new(look->list, json);
	return 0;
}

/* ---- a device ------------------------------------------------------------------------------------------------------- */

json_t *devices_look(const char *name)
{
	struct v4l2_device device;
	char error[CAMERA_ERROR_BYTES];
	if (v4l2_device_open(name, &device, error) < 0)
		return json_pack("{s:s, s:s}", "device", name, "error", error);
	struct look formats = {.device = &device, .list = json_array()}, controls = {.device = &device};
	controls.list = json_array();
	v4l2_each_format(&device, look_at_format, &formats);
	v4l2_each_control(&device, look_at_control, &controls);
	json_t *json = json_pack("{s:s, s:s, s:s, s:s, s:s+, s:o, s:o}", "device", device.path, "card", device.card,
	                         "driver", device.driver, "bus", device.bus, "source", "v4l2:", device.path, "formats",
	                         formats.list, "controls", controls.list);
	v4l2_device_close(&device);
	return json;
}
