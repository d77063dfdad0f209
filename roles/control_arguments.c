/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of a child: its title, and its options as --key=value, made from the rows. Defaults are left out, so
 * that ps stays readable; ${NAME} stays as it is, so that secrets do not show there. What has a secret in plain text goes
 * by the child's environment, as if it had been ${NAME}.
 */
#include "control.h"

#include "log.h"
#include "login.h"
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

struct arguments {
	char **items;
	size_t count;
	char **secrets;
	size_t secret_count;
	bool failed;
};

/* Takes text. Returns whether there was memory for it. */
static bool append(char ***list, size_t *count, char *text)
{
	char **items = text ? realloc(*list, (*count + 2) * sizeof *items) : NULL;

	if (!items) {
		free(text);
		return false;
	}
	*list = items;
	items[(*count)++] = text;
	items[*count] = NULL;
	return true;
}

static void add(struct arguments *arguments, char *text)
{
	arguments->failed |= !append(&arguments->items, &arguments->count, text);
}

static void add_option(struct arguments *arguments, const char *key, const char *value)
{
	char *text = NULL;

	if (value && asprintf(&text, "--%s=%s", key, value) < 0)
		text = NULL;
	for (char *at = text ? text + 2 : NULL; at && *at != '='; at++)
		*at = *at == '_' ? '-' : *at;
	add(arguments, text);
}

/* Nothing of a text but its ${NAME}s: enough for the child to say which of them is not set. */
static char *variables_of(const char *text)
{
	char *out = calloc(1, strlen(text) + 1), *to = out;

	for (const char *at = out ? strstr(text, "${") : NULL; at; at = strstr(at, "${")) {
		size_t length = strcspn(at, "}") + 1;
		if (!at[length - 1])
			break;
		to = mempcpy(to, at, length);
		at += length;
	}
	return out;
}

/* The option by a variable of the child's environment. */
static void add_secret(struct arguments *arguments, const char *key, const char *value)
{
	char error[OPTIONS_ERROR_BYTES], name[64], *expanded, *variable, *reference = NULL;

	if (options_expand(value, &expanded, error) < 0) { /* the child says why */
		reference = variables_of(value);
		add_option(arguments, key, reference);
		free(reference);
		return;
	}
	snprintf(name, sizeof name, "ZOETROPE_OPTION_%s", key);
	if (asprintf(&variable, "%s=%s", name, expanded) < 0)
		variable = NULL;
	free(expanded);
	arguments->failed |= !append(&arguments->secrets, &arguments->secret_count, variable);
	if (asprintf(&reference, "${%s}", name) < 0)
		reference = NULL;
	add_option(arguments, key, reference);
	free(reference);
}

static void add_rows(struct arguments *arguments, const struct config_entry *entry)
{
	for (const struct option_row *row = entry->rows; row->name; row++) {
		char *text = options_text(row, entry->values);
		if (text && row->type == OPTION_TEXT && login_is_plain(text))
			add_secret(arguments, row->name, text);
		else if (!text || !row->fallback || strcmp(text, row->fallback))
			add_option(arguments, row->name, text);
		free(text);
	}
}

/* Is the camera named in that row? Detectors are told which have a second stream, others all there are. */
static bool is_named(const struct config_entry *camera, const char *key)
{
	return strcmp(key, "substreams") || *((const struct camera_config *)camera->values)->detect_source;
}

/* The row that control fills in. */
static void add_cameras(struct arguments *arguments, const struct config *config, const char *key)
{
	const struct config_entry *camera;
	char **names = calloc(config->count + 1, sizeof *names);
	size_t count = 0;

	for (size_t at = 0; names && (camera = control_config_next(config, "cameras", &at));)
		if (is_named(camera, key))
			names[count++] = camera->name;
	char *joined = names ? options_join(names, count) : NULL;
	if (!joined || *joined)
		add_option(arguments, key, joined);
	free(joined);
	free(names);
}

static char *copy_title(const char *title)
{
	char *text;

	return asprintf(&text, "zoetrope: %s", title) < 0 ? NULL : text;
}

const struct option_list *arguments_command(const struct config_entry *entry)
{
	const struct option_row *row = options_find(entry->rows, "command");
	const struct option_list *command =
	    row ? (const struct option_list *)((const char *)entry->values + row->offset) : NULL;

	return command && command->count ? command : NULL;
}

/* A program of the user's gets its own arguments and no others: what we know comes with the message "start". */
static int build_command(struct process *process, const struct option_list *command)
{
	struct arguments arguments = {0};

	for (size_t i = 0; i < command->count; i++)
		add(&arguments, strdup(command->items[i]));
	process->argv = arguments.items;
	process->program = strdup(command->items[0]);
	return arguments.failed || !process->program ? -ENOMEM : 0;
}

static json_t *option_json(const struct option_row *row, const void *values)
{
	const void *member = (const char *)values + row->offset;

	switch (row->type) {
	case OPTION_BOOL:
		return json_boolean(*(const bool *)member);
	case OPTION_INTEGER:
	case OPTION_DURATION:
	case OPTION_SIZE:
		return json_integer(*(const int64_t *)member);
	case OPTION_NUMBER:
		return json_real(*(const double *)member);
	case OPTION_TEXT:
	case OPTION_CHOICE:
	case OPTION_CPUS:
		return json_string(*(char *const *)member);
	case OPTION_LIST:
		break;
	}
	const struct option_list *list = member;
	json_t *array = json_array();

	for (size_t i = 0; i < list->count; i++)
		json_array_append_new(array, json_string(list->items[i]));
	return array;
}

json_t *arguments_json(const struct config_entry *entry)
{
	json_t *options = json_object();

	for (const struct option_row *row = entry->rows; row->name; row++)
		json_object_set_new(options, row->name, option_json(row, entry->values));
	return options;
}

int arguments_build(struct process *process)
{
	const struct config_entry *entry = process->entry;
	const struct config_section *section = entry->section;
	const struct option_list *command = arguments_command(entry);
	struct arguments arguments = {0};
	char path[PATH_MAX];

	snprintf(process->title, sizeof process->title, section->named ? "%s %s" : "%s", section->role, entry->name);
	if (command)
		return build_command(process, command);
	if (paths_program(section->role, path, sizeof path) < 0) {
		log_line("", "cannot find %s, the executable of %s: build or install it", path, process->title);
		return -ENOENT;
	}
	add(&arguments, copy_title(process->title));
	if (section->named)
		add_option(&arguments, "name", entry->name);
	if (strcmp(process->control->log, "info"))
		add_option(&arguments, "log", process->control->log);
	add_rows(&arguments, entry);
	if (section->set_by_control)
		add_cameras(&arguments, &process->control->config, section->set_by_control);
	process->argv = arguments.items;
	process->secrets = arguments.secrets;
	process->program = strdup(path);
	return arguments.failed || !process->program ? -ENOMEM : 0;
}

static void free_list(char **list)
{
	for (char **item = list; item && *item; item++)
		free(*item);
	free(list);
}

void arguments_free(struct process *process)
{
	free_list(process->argv);
	free_list(process->secrets);
	free(process->program);
}
