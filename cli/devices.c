/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope devices`: the V4L2 cameras of this machine, what they offer, and what can be turned on them. */
#include "devices.h"
#include "cli.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct devices_options {
	bool json;
};

static const struct option_row rows[] = {
    {"json", OPTION_BOOL, offsetof(struct devices_options, json), "false", 0, 0, "", NULL, "Print JSON."},
    {NULL},
};

/* ---- for people ------------------------------------------------------------------------------------------------------ */

static const char *text(const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));
	return value ? value : "";
}

static long long number(const json_t *object, const char *key)
{
	return json_integer_value(json_object_get(object, key));
}

static double rounded(const json_t *value)
{
	return (double)(long long)(json_number_value(value) * 100 + 0.5) / 100;
}

static void print_rates(const json_t *rates)
{
	size_t at;
	json_t *rate;
	json_array_foreach(rates, at, rate)
	{
		if (json_is_object(rate))
			printf("%s%g to %g", at ? ", " : "  ", rounded(json_object_get(rate, "min")),
			       rounded(json_object_get(rate, "max")));
		else
			printf("%s%g", at ? ", " : "  ", rounded(rate));
	}
	printf("%s\n", json_array_size(rates) ? " frames a second" : "");
}

static void print_format(const json_t *format)
{
	size_t at;
	json_t *size;
	printf("    %-4s %s%s\n", text(format, "format"), text(format, "description"),
	       json_is_true(json_object_get(format, "read")) ? "" : " (Zoetrope does not read it)");
	json_array_foreach(json_object_get(format, "sizes"), at, size)
	{
		if (json_object_get(size, "width"))
			printf("         %lldx%lld", number(size, "width"), number(size, "height"));
		else
			printf("         %lldx%lld to %lldx%lld in steps of %lldx%lld", number(size, "min_width"),
			       number(size, "min_height"), number(size, "max_width"), number(size, "max_height"),
			       number(size, "step_width"), number(size, "step_height"));
		print_rates(json_object_get(size, "rates"));
	}
}

/* "0..255", "0..100 by 10", "off|on", "disabled|50_hz|60_hz", "button" */
static void print_range(const json_t *control)
{
	size_t at;
	json_t *item;
	const char *type = text(control, "type");
	if (!strcmp(type, "switch"))
		printf("off|on");
	else if (!strcmp(type, "button"))
		printf("button");
	else if (!strcmp(type, "text"))
		printf("text of %lld to %lld bytes", number(control, "min"), number(control, "max"));
	else if (strcmp(type, "menu") != 0)
		printf("%lld..%lld%s", number(control, "min"), number(control, "max"),
		       !strcmp(type, "bits") ? " (bits)" : "");
	if (number(control, "step") > 1 && strcmp(type, "text") != 0)
		printf(" by %lld", number(control, "step"));
	json_array_foreach(json_object_get(control, "menu"), at, item)
	    printf("%s%s", at ? "|" : "", json_string_value(item));
}

static void print_control(const json_t *control)
{
	const json_t *usual = json_object_get(control, "default");
	printf("    %-32s ", text(control, "name"));
	if (json_is_string(json_object_get(control, "value")))
		printf("= %-10s ", text(control, "value"));
	else
		printf("%-12s ", "");
	print_range(control);
	if (json_is_string(usual))
		printf(", default %s", json_string_value(usual));
	else if (json_is_integer(usual))
		printf(", default %lld", (long long)json_integer_value(usual));
	printf("%s%s\n", json_is_true(json_object_get(control, "read_only")) ? " (read only)" : "",
	       json_is_true(json_object_get(control, "inactive")) ? " (inactive: another control rules it)" : "");
}

static void print_device(const json_t *device)
{
	size_t at;
	json_t *item;
	if (json_object_get(device, "error")) {
		printf("%s\n\n", text(device, "error"));
		return;
	}
	printf("%s: %s (driver %s, bus %s); in a configuration: source: %s\n", text(device, "device"),
	       text(device, "card"), text(device, "driver"), text(device, "bus"), text(device, "source"));
	printf("  formats\n");
	json_array_foreach(json_object_get(device, "formats"), at, item) print_format(item);
	printf("  controls%s\n", json_array_size(json_object_get(device, "controls")) ? "" : ": none");
	json_array_foreach(json_object_get(device, "controls"), at, item) print_control(item);
	putchar('\n');
}

/* ---- which ------------------------------------------------------------------------------------------------------------ */

static int is_video(const struct dirent *entry)
{
	return !strncmp(entry->d_name, "video", 5) &&
	       strspn(entry->d_name + 5, "0123456789") == strlen(entry->d_name + 5) && entry->d_name[5];
}

static json_t *look_at_all(void)
{
	struct dirent **names = NULL;
	int count = scandir("/dev", &names, is_video, versionsort);
	json_t *devices = json_array();
	for (int i = 0; i < count; i++) {
		char path[300];
		snprintf(path, sizeof path, "/dev/%s", names[i]->d_name);
		json_array_append_new(devices, devices_look(path));
		free(names[i]);
	}
	free(names);
	return devices;
}

static int run(int argc, char **argv)
{
	struct devices_options options;
	struct cli_words words;
	size_t at, cameras = 0;
	json_t *device;

	if (cli_read(&cli_devices, argc, argv, &options, &words) < 0) {
		options_finish(rows, &options);
		return CLI_USAGE;
	}
	json_t *devices = words.count ? json_array() : look_at_all();
	for (unsigned i = 0; i < words.count; i++)
		json_array_append_new(devices, devices_look(words.items[i]));
	json_array_foreach(devices, at, device)
	{
		cameras += !json_object_get(device, "error");
		if (!options.json)
			print_device(device);
	}
	if (options.json) {
		json_dumpf(devices, stdout, JSON_INDENT(1) | JSON_REAL_PRECISION(8));
		putchar('\n');
	}
	if (!json_array_size(devices))
		cli_error(
		    "devices: there is no video device (/dev/video0 ...) on this machine. Is a camera plugged in, and "
		    "its driver loaded? A container must be given the device. Network cameras need none: source: "
		    "rtsp://...");
	json_decref(devices);
	options_finish(rows, &options);
	return cameras ? 0 : 1;
}

const struct cli_command cli_devices = {
    .name = "devices",
    .usage = "[--json] [DEVICE...]",
    .help = "List the V4L2 cameras: formats, sizes, rates, and controls with their ranges.",
    .rows = rows,
    .more = "The exit status is 0 if there is a camera that can be opened.\n",
    .run = run,
};
