/* SPDX-License-Identifier: Apache-2.0 */
/* Builds struct config out of a YAML document, which common/yaml_file.c walks. What spans several sections is checked here.
 */
#include "control_config.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void finish_entry(struct config_entry *entry)
{
	if (entry->values)
		options_finish(entry->rows, entry->values);
	free(entry->values);
	free(entry->rows);
	free(entry->name);
}

void control_config_finish(struct config *config)
{
	for (size_t i = 0; i < config->count; i++)
		finish_entry(&config->entries[i]);
	free(config->entries);
	*config = (struct config){0};
}

/* A new entry with defaults at the end. Returns 0 | -ENOMEM. */
static int add_entry(struct config *config, const struct config_section *section, const char *name, unsigned line)
{
	struct config_entry *entries = realloc(config->entries, (config->count + 1) * sizeof *entries);
	struct config_entry entry = {.section = section, .line = line};

	if (!entries)
		return -ENOMEM;
	config->entries = entries;
	entry.name = strdup(name);
	entry.rows = config_join(section->rows);
	entry.values = calloc(1, section->bytes);
	if (!entry.name || !entry.rows || !entry.values || options_init(entry.rows, entry.values) < 0) {
		free(entry.values);
		entry.values = NULL;
		finish_entry(&entry);
		return -ENOMEM;
	}
	config->entries[config->count++] = entry;
	return 0;
}

/* The keys of one entry; path is "cameras.front" or "preview". */
static int read_entry(struct yaml *yaml, struct config_entry *entry, const char *path, int node)
{
	struct yaml_pair pair;
	char error[OPTIONS_ERROR_BYTES];

	for (size_t at = 0; yaml_next(yaml, node, &at, &pair);) {
		const struct option_row *row = options_find(entry->rows, pair.key);
		const char *hidden = entry->section->set_by_control;
		if (!row || (hidden && !strcmp(hidden, pair.key))) {
			const char *nearest = options_nearest(entry->rows, pair.key);
			if (nearest && hidden && !strcmp(nearest, hidden))
				nearest = NULL;
			return yaml_unknown(yaml, pair.line, path, pair.key, nearest);
		}
		char *text = yaml_text(yaml, pair.value, row, error);
		int status = text ? options_put(row, entry->values, text, error) : -EINVAL;
		free(text);
		if (status < 0)
			return yaml_fail(yaml, pair.line, "key '%s.%s': %s", path, pair.key, error);
	}
	const struct option_row *missing = options_missing(entry->rows, entry->values);
	if (missing)
		return yaml_fail(yaml, entry->line, "key '%s.%s' is missing: %s", path, missing->name, missing->help);
	return 0;
}

/* cameras: or detectors: with a name for each entry. */
static int read_named(struct yaml *yaml, struct config *config, const struct config_section *section, int node)
{
	struct yaml_pair pair;

	for (size_t at = 0; yaml_next(yaml, node, &at, &pair);) {
		char path[128];
		snprintf(path, sizeof path, "%s.%.60s", section->key, pair.key);
		if (!config_is_name(pair.key))
			return yaml_fail(
			    yaml, pair.line,
			    "key '%s': wanted a name of at most 31 characters [A-Za-z0-9_-] other than 'all'", path);
		int status = yaml_wants_keys(yaml, pair.value, path);
		if (!status && add_entry(config, section, pair.key, pair.line) < 0)
			status = yaml_fail(yaml, pair.line, "out of memory");
		if (!status)
			status = read_entry(yaml, &config->entries[config->count - 1], path, pair.value);
		if (status < 0)
			return status;
	}
	return 0;
}

static int read_single(struct yaml *yaml, struct config *config, const struct config_section *section,
                       const struct yaml_pair *pair)
{
	if (add_entry(config, section, section->role, pair->line) < 0)
		return yaml_fail(yaml, pair->line, "out of memory");
	return read_entry(yaml, &config->entries[config->count - 1], section->key, pair->value);
}

/* Sections in the order of config_sections, wherever they stand in the file. */
static int read_sections(struct yaml *yaml, struct config *config)
{
	for (const struct config_section *section = config_sections; section->key; section++) {
		struct yaml_pair pair = {0};
		bool there = false;
		for (size_t at = 0; !there && yaml_next(yaml, yaml_root(yaml), &at, &pair);)
			there = !strcmp(pair.key, section->key);
		if (!there)
			continue;
		int status = yaml_wants_keys(yaml, pair.value, section->key);
		if (!status)
			status = section->named ? read_named(yaml, config, section, pair.value)
			                        : read_single(yaml, config, section, &pair);
		if (status < 0)
			return status;
	}
	return 0;
}

static int check_section_names(struct yaml *yaml)
{
	struct yaml_pair pair;
	const char *known[16];
	size_t count = 0;

	for (const struct config_section *section = config_sections; section->key; section++)
		known[count++] = section->key;
	assert(count <= sizeof known / sizeof *known);
	for (size_t at = 0; yaml_next(yaml, yaml_root(yaml), &at, &pair);) {
		bool is_known = false;
		for (size_t i = 0; i < count; i++)
			is_known |= !strcmp(known[i], pair.key);
		if (!is_known)
			return yaml_unknown(yaml, pair.line, "", pair.key,
			                    options_nearest_word(known, count, pair.key));
	}
	return 0;
}

static bool has_entry(const struct config *config, const char *section, const char *name)
{
	const struct config_entry *entry;

	for (size_t at = 0; (entry = control_config_next(config, section, &at));) {
		if (!strcmp(entry->name, name))
			return true;
	}
	return false;
}

/* No camera has more detectors than may publish their results. */
static int check_camera(struct yaml *yaml, const struct config *config, const struct config_entry *camera)
{
	const struct config_entry *detector;
	unsigned count = 0;

	for (size_t at = 0; (detector = control_config_next(config, "detectors", &at));) {
		const struct option_list *cameras = &((const struct detector_config *)detector->values)->cameras;
		for (size_t i = 0; i < cameras->count; i++)
			count += !strcmp(cameras->items[i], camera->name);
	}
	if (count > DETECTORS_MAX)
		return yaml_fail(yaml, camera->line, "camera '%s' has %u detectors, at most %d are possible",
		                 camera->name, count, DETECTORS_MAX);
	return 0;
}

/* The cameras that a detector names are there, and none twice. */
static int check_detector(struct yaml *yaml, const struct config *config, const struct config_entry *detector)
{
	const struct option_list *cameras = &((const struct detector_config *)detector->values)->cameras;
	const struct config_entry *camera;
	const char *names[256];
	size_t count = 0;

	for (size_t at = 0; count < 256 && (camera = control_config_next(config, "cameras", &at));)
		names[count++] = camera->name;
	for (size_t i = 0; i < cameras->count; i++) {
		const char *name = cameras->items[i];
		for (size_t j = 0; j < i; j++) {
			if (!strcmp(cameras->items[j], name))
				return yaml_fail(yaml, detector->line,
				                 "key 'detectors.%s.cameras': '%s' stands there twice", detector->name,
				                 name);
		}
		if (has_entry(config, "cameras", name))
			continue;
		const char *nearest = options_nearest_word(names, count, name);
		return yaml_fail(yaml, detector->line, "key 'detectors.%s.cameras': there is no camera '%.60s'%s%s%s",
		                 detector->name, name, nearest ? "; did you mean '" : "", nearest ? nearest : "",
		                 nearest ? "'?" : "");
	}
	return 0;
}

static int check(struct yaml *yaml, struct config *config)
{
	const struct config_entry *entry;
	size_t at = 0;

	if (!control_config_next(config, "cameras", &at))
		return yaml_fail(yaml, 0, "there is no camera; add for example cameras: {front: {source: \"test:\"}}");
	for (at = 0; (entry = control_config_next(config, "detectors", &at));) {
		int status = check_detector(yaml, config, entry);
		if (status < 0)
			return status;
	}
	for (at = 0; (entry = control_config_next(config, "cameras", &at));) {
		int status = check_camera(yaml, config, entry);
		if (status < 0)
			return status;
	}
	at = 0;
	if (control_config_next(config, "save", &at))
		return 0;
	for (const struct config_section *section = config_sections; section->key; section++) {
		if (!strcmp(section->key, "save") && add_entry(config, section, section->role, 0) < 0)
			return yaml_fail(yaml, 0, "out of memory");
	}
	return 0;
}

int control_config_read(const char *path, struct config *out, char *error)
{
	struct config config = {0};
	struct yaml *yaml;
	int status = yaml_open(path, "cameras: and more, see `zoetrope help config`", &yaml, error);

	if (status < 0)
		return status;
	status = yaml_wants_keys(yaml, yaml_root(yaml), "");
	if (!status)
		status = yaml_check_keys(yaml);
	if (!status)
		status = check_section_names(yaml);
	if (!status)
		status = read_sections(yaml, &config);
	if (!status)
		status = check(yaml, &config);
	yaml_close(yaml);
	if (status < 0)
		control_config_finish(&config);
	else
		*out = config;
	return status;
}

const struct config_entry *control_config_next(const struct config *config, const char *section, size_t *at)
{
	while (*at < config->count) {
		const struct config_entry *entry = &config->entries[(*at)++];
		if (!strcmp(entry->section->key, section))
			return entry;
	}
	return NULL;
}

bool control_config_watches(const struct config_entry *detector, const char *camera)
{
	const struct option_list *cameras = &((const struct detector_config *)detector->values)->cameras;

	for (size_t i = 0; i < cameras->count; i++) {
		if (!strcmp(cameras->items[i], camera))
			return true;
	}
	return false;
}
