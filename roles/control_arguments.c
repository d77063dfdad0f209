/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The command line of a child: its title, and its options as --key=value, made from the rows. Defaults are left out, so
 * that ps stays readable; ${NAME} stays as it is, so that secrets do not show there. An address that has its password in
 * plain text goes by the child's environment, as if it had been ${NAME}.
 */
#include "control.h"

#include "log.h"
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

/* Is there a password in it that is not of the form ${NAME}: "rtsp://user:password@host"? */
static bool has_password(const char *text)
{
	const char *login = strstr(text, "://"), *end = login ? strrchr(login, '@') : NULL;
	const char *colon = end ? memchr(login + 3, ':', (size_t)(end - login - 3)) : NULL;

	return colon && strncmp(colon, ":${", 3);
}

/* The option by a variable of the child's environment. */
static void add_secret(struct arguments *arguments, const char *key, const char *value)
{
	char error[OPTIONS_ERROR_BYTES], name[64], *expanded, *variable, *reference = NULL;

	if (options_expand(value, &expanded, error) < 0) { /* the child says why */
		add_option(arguments, key, value);
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
		if (text && row->type == OPTION_TEXT && has_password(text))
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

int arguments_build(struct process *process)
{
	const struct config_entry *entry = process->entry;
	const struct config_section *section = entry->section;
	struct arguments arguments = {0};
	char path[PATH_MAX];

	snprintf(process->title, sizeof process->title, section->named ? "%s %s" : "%s", section->role, entry->name);
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
