/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Calls the engine, and believes nothing of what comes back. The engine's options become rows of common/options.h, so
 * that their defaults, bounds and sentences are the same as everywhere.
 */
#include "detector_engine.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/affinity.h"
#include "common/options.h"
#include "detector_plugin.h"
#include "detector_prepare.h"

#define OPTIONS_MAX 64

/* As options_put() fills them. */
union member {
	char *text;
	bool flag;
	int64_t integer;
	double number;
};

struct detector_engine {
	const struct zoe_detector_engine *table;
	void *state;
	char *folders; /* of models */
	struct zoe_detector_input input;
	struct prepare *prepare;
	uint32_t classes;
	bool *reported; /* by class; NULL = all */

	struct option_row *rows; /* NULL = it has no options */
	union member *members;
	union zoe_detector_value *values;
};

static int no_memory(char *error)
{
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "no memory for a detector engine");
	return -ENOMEM;
}

/* ---- its options -------------------------------------------------------------------------------------------- */

static const enum option_type types[] = {
    [ZOE_DETECTOR_TEXT] = OPTION_TEXT,       [ZOE_DETECTOR_BOOL] = OPTION_BOOL,
    [ZOE_DETECTOR_INTEGER] = OPTION_INTEGER, [ZOE_DETECTOR_NUMBER] = OPTION_NUMBER,
    [ZOE_DETECTOR_CHOICE] = OPTION_CHOICE,
};

static int make_row(const char *engine, const struct zoe_detector_option *option, size_t index, struct option_row *row,
                    char *error)
{
	if (option->type >= sizeof(types) / sizeof(types[0]) || !option->fallback || !option->help ||
	    (option->type == ZOE_DETECTOR_CHOICE && !option->choices)) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES,
		         "engine %s: its option '%s' has an unknown type, or no default, choices or help", engine,
		         option->name);
		return -EINVAL;
	}
	*row =
	    (struct option_row){option->name, types[option->type], index * sizeof(union member),     option->fallback,
	                        option->min,  option->max,         option->unit ? option->unit : "", option->choices,
	                        option->help};
	return 0;
}

/* Rows, and in members their defaults. */
static int make_rows(struct detector_engine *engine, size_t count, char *error)
{
	const char *name = engine->table->name;
	engine->rows = calloc(count + 1, sizeof(*engine->rows));
	engine->members = calloc(count + 1, sizeof(*engine->members));
	engine->values = calloc(count + 1, sizeof(*engine->values));
	if (!engine->rows || !engine->members || !engine->values)
		return no_memory(error);
	for (size_t i = 0; i < count; i++) {
		char reason[OPTIONS_ERROR_BYTES];
		int status = make_row(name, &engine->table->options[i], i, &engine->rows[i], error);
		if (status == 0 &&
		    (status = options_put(&engine->rows[i], engine->members, engine->rows[i].fallback, reason)) < 0)
			snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "engine %s: default of its option '%s': %.300s", name,
			         engine->rows[i].name, reason);
		if (status < 0)
			return status;
	}
	return 0;
}

/* One "key=value" of the configuration. */
static int set_option(struct detector_engine *engine, const char *item, char *error)
{
	char reason[OPTIONS_ERROR_BYTES], key[64];
	size_t length = strcspn(item, "=");
	if (!item[length] || length == 0 || length >= sizeof(key)) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "key 'options': wanted KEY=VALUE, found '%.100s'", item);
		return -EINVAL;
	}
	snprintf(key, sizeof(key), "%.*s", (int)length, item);
	if (!engine->rows) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "key 'options': engine %s has no options; found '%.100s'",
		         engine->table->name, item);
		return -EINVAL;
	}
	int status = options_set(engine->rows, engine->members, key, item + length + 1, reason);
	if (status < 0)
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "options of engine %s: %.300s", engine->table->name, reason);
	return status == -ENOENT ? -EINVAL : status;
}

static int choose_options(struct detector_engine *engine, const struct detector_config *config, char *error)
{
	const struct zoe_detector_option *options = engine->table->options;
	size_t count = 0;
	while (options && count < OPTIONS_MAX && options[count].name)
		count++;
	int status = count ? make_rows(engine, count, error) : 0;
	for (size_t i = 0; status == 0 && i < config->options.count; i++)
		status = set_option(engine, config->options.items[i], error);
	for (size_t i = 0; status == 0 && i < count; i++) {
		const union member *member = &engine->members[i];
		union zoe_detector_value *value = &engine->values[i];
		if (options[i].type == ZOE_DETECTOR_BOOL)
			value->integer = member->flag;
		else if (options[i].type == ZOE_DETECTOR_INTEGER)
			value->integer = member->integer;
		else if (options[i].type == ZOE_DETECTOR_NUMBER)
			value->number = member->number;
		else
			value->text = member->text;
	}
	return status;
}

/* ---- its labels --------------------------------------------------------------------------------------------- */

static const char *label_of(const struct detector_engine *engine, uint32_t class_id)
{
	return engine->table->label(engine->state, class_id);
}

static void report_label(const struct detector_engine *engine, const struct detector_config *config, const char *label,
                         char *error)
{
	char known[300] = "";
	for (uint32_t i = 0; i < engine->classes; i++) {
		const char *name = label_of(engine, i);
		size_t used = strlen(known);
		if (name[0])
			snprintf(known + used, sizeof(known) - used, "%s%s", used ? ", " : "", name);
	}
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "label '%.40s' is not known to %s %.60s; known: %s", label,
	         config->model[0] ? "model" : "engine", config->model[0] ? config->model : config->engine, known);
}

static int choose_labels(struct detector_engine *engine, const struct detector_config *config, char *error)
{
	while (label_of(engine, engine->classes))
		engine->classes++;
	if (config->labels.count == 0)
		return 0;
	engine->reported = calloc(engine->classes + 1, sizeof(*engine->reported));
	if (!engine->reported)
		return no_memory(error);
	for (size_t i = 0; i < config->labels.count; i++) {
		const char *label = config->labels.items[i];
		bool known = false;
		for (uint32_t c = 0; c < engine->classes; c++) {
			if (label[0] && strcmp(label_of(engine, c), label) == 0)
				engine->reported[c] = known = true;
		}
		if (!known) {
			report_label(engine, config, label, error);
			return -EINVAL;
		}
	}
	return 0;
}

/* ---- begin and end ------------------------------------------------------------------------------------------ */

/* 0 wanted: the CPUs are shared among the workers. */
static uint32_t threads_of(const struct detector_config *config)
{
	uint32_t workers = config->workers > 1 ? (uint32_t)config->workers : 1;
	uint32_t share = affinity_count() / workers;
	return config->threads ? (uint32_t)config->threads : share ? share : 1;
}

/* Each region of a camera is a stream of its own: an engine that remembers pictures must not mix them up. */
static uint32_t streams_of(const struct detector_config *config)
{
	size_t cameras = config->cameras.count ? config->cameras.count : 1;
	return (uint32_t)(cameras * (config->regions.count ? config->regions.count : 1));
}

static int begin(struct detector_engine *engine, const struct detector_config *config, char *error)
{
	struct zoe_detector_config wanted = {
	    .model = config->model,
	    .models = engine->folders,
	    .threshold = (float)config->threshold,
	    .threads = threads_of(config),
	    .streams = streams_of(config),
	    .options = engine->values,
	};
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "engine %s cannot begin and did not say why", engine->table->name);
	int status = engine->table->open(&wanted, &engine->state, error);
	if (status < 0)
		return status;
	engine->table->input(engine->state, &engine->input);
	status = prepare_create(&engine->input, &engine->prepare, error);
	return status < 0 ? status : choose_labels(engine, config, error);
}

int detector_engine_open(const struct detector_config *config, struct detector_engine **out, char *error)
{
	struct detector_engine *engine = calloc(1, sizeof(*engine));
	if (!engine)
		return no_memory(error);
	int status = detector_plugin_load(config->engine, &engine->table, error);
	engine->folders = detector_model_folders();
	if (status == 0 && !engine->folders)
		status = no_memory(error);
	if (status == 0)
		status = choose_options(engine, config, error);
	if (status == 0)
		status = begin(engine, config, error);
	if (status < 0) {
		detector_engine_close(engine);
		return status;
	}
	*out = engine;
	return 0;
}

void detector_engine_close(struct detector_engine *engine)
{
	if (!engine)
		return;
	if (engine->state)
		engine->table->close(engine->state);
	if (engine->rows)
		options_finish(engine->rows, engine->members);
	prepare_destroy(engine->prepare);
	free(engine->rows);
	free(engine->members);
	free(engine->values);
	free(engine->reported);
	free(engine->folders);
	free(engine);
}

int detector_engine_help(const char *name, char *error)
{
	struct detector_engine engine = {0};
	const struct detector_config none = {0};
	int status = detector_plugin_load(name, &engine.table, error);
	if (status == 0)
		status = choose_options(&engine, &none, error);
	if (status == 0) {
		printf("%s: %s\n", engine.table->name, engine.table->help);
		if (engine.rows)
			options_help(engine.rows);
		else
			puts("It has no options.");
	}
	if (engine.rows)
		options_finish(engine.rows, engine.members);
	free(engine.rows);
	free(engine.members);
	free(engine.values);
	return status;
}

unsigned detector_engine_batch(const struct detector_engine *engine)
{
	return engine->input.batch;
}

/* ---- pictures ----------------------------------------------------------------------------------------------- */

/* Keep the boxes that are wanted and inside the picture, and name them. */
static int take_boxes(const struct detector_engine *engine, unsigned index, uint32_t count,
                      struct detector_result *result, char *error)
{
	if (count > ZOE_DETECTIONS_MAX) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES,
		         "engine %s is broken: it found %u boxes where there is room for %u", engine->table->name,
		         count, ZOE_DETECTIONS_MAX);
		return -EBADMSG;
	}
	result->count = 0;
	for (uint32_t i = 0; i < count; i++) {
		struct zoe_detection box = result->boxes[i];
		const char *label = box.class_id < engine->classes ? label_of(engine, box.class_id) : NULL;
		if (!label) {
			snprintf(error, ZOE_DETECTOR_ERROR_BYTES,
			         "engine %s is broken: it found class %u, and has names for %u", engine->table->name,
			         box.class_id, engine->classes);
			return -EBADMSG;
		}
		if (!label[0] || (engine->reported && !engine->reported[box.class_id]) ||
		    prepare_back(engine->prepare, index, &box) < 0)
			continue;
		box.reserved = 0;
		memset(box.label, 0, sizeof(box.label));
		snprintf(box.label, sizeof(box.label), "%s", label);
		result->boxes[result->count++] = box;
	}
	return 0;
}

int detector_engine_run(struct detector_engine *engine, const struct detector_picture *pictures, unsigned count,
                        struct detector_result *results, char *error)
{
	struct zoe_detector_picture prepared[ZOE_DETECTOR_BATCH_MAX];
	struct zoe_detector_found found[ZOE_DETECTOR_BATCH_MAX];
	int64_t begin_ns = zoe_now_ns();
	for (unsigned i = 0; i < count; i++) {
		const struct detector_picture *picture = &pictures[i];
		prepared[i] = (struct zoe_detector_picture){
		    .seq = picture->seq, .capture_ns = picture->capture_ns, .stream = picture->stream};
		int status =
		    prepare_put(engine->prepare, i, picture->image, picture->data, picture->size, &prepared[i], error);
		if (status < 0)
			return status;
		memset(results[i].boxes, 0, sizeof(results[i].boxes));
		found[i] = (struct zoe_detector_found){.boxes = results[i].boxes, .room = ZOE_DETECTIONS_MAX};
	}
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "engine %s failed and did not say why", engine->table->name);
	int64_t prepared_ns = zoe_now_ns();
	int status = engine->table->infer(engine->state, prepared, count, found, error);
	if (status < 0)
		return status;
	int64_t inferred_ns = zoe_now_ns(), each_ns = (inferred_ns - begin_ns) / count;
	for (unsigned i = 0; i < count && status >= 0; i++) {
		results[i].inference_ns = each_ns;
		results[i].begun_ns = begin_ns;
		results[i].prepared_ns = prepared_ns;
		results[i].inferred_ns = inferred_ns;
		status = take_boxes(engine, i, found[i].count, &results[i], error);
	}
	return status < 0 ? status : 0;
}
