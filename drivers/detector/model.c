/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and reading a model's files. Labels are one a line, the first is class 0; "???" marks a class that is never
 * reported.
 */
#include "model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define FILE_BYTES_MAX (1u << 30)
#define LABELS_SUFFIX  ".labels.txt"
/* The model that tools/fetch-model gets. */
#define FETCHED_MODEL "ssd-mobilenet-v2"

static int fail(char *error, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(char *error, int status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error, ZOE_DETECTOR_ERROR_BYTES, format, arguments);
	va_end(arguments);
	return status;
}

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), end_length = strlen(end);
	return length >= end_length && strcmp(text + length - end_length, end) == 0;
}

/* The network's path: the first folder that has it. */
static int find(const struct zoe_detector_config *config, const char *suffix, char **out_path, char *error)
{
	if (!config->model || !config->model[0])
		return fail(error, -ENOENT, "this engine needs a model: name one, such as ssd-mobilenet-v2");
	if (strchr(config->model, '/') || ends_with(config->model, suffix)) {
		*out_path = strdup(config->model);
		return *out_path ? 0 : -ENOMEM;
	}
	const char *rest = config->models ? config->models : "";
	while (*rest) {
		int length = (int)strcspn(rest, ":");
		char *path;
		if (asprintf(&path, "%.*s/%s%s", length, rest, config->model, suffix) < 0)
			return -ENOMEM;
		struct stat status;
		if (stat(path, &status) == 0) {
			*out_path = path;
			return 0;
		}
		free(path);
		rest += length + (rest[length] == ':');
	}
	bool fetched = strcmp(config->model, FETCHED_MODEL) == 0;
	return fail(error, -ENOENT, "model %s not found in %s: %s", config->model, config->models,
	            fetched ? "get it with tools/fetch-model" : "put it there, or take " FETCHED_MODEL);
}

/* The whole file, with a zero behind it. */
static int read_file(const char *path, void **out_data, size_t *out_size, char *error)
{
	FILE *file = fopen(path, "re");
	if (!file)
		return fail(error, -errno, "%s cannot be opened: %s", path, strerror(errno));
	struct stat status;
	char *data = NULL;
	int result = -EINVAL;
	if (fstat(fileno(file), &status) < 0 || !S_ISREG(status.st_mode) || status.st_size > FILE_BYTES_MAX) {
		fail(error, -EINVAL, "%s is no ordinary file of at most 1 GiB", path);
		goto end;
	}
	data = malloc((size_t)status.st_size + 1);
	if (!data) {
		result = fail(error, -ENOMEM, "no memory to read %s", path);
		goto end;
	}
	if (fread(data, 1, (size_t)status.st_size, file) != (size_t)status.st_size) {
		result = fail(error, -EIO, "%s cannot be read: %s", path, strerror(ferror(file) ? errno : EIO));
		goto end;
	}
	data[status.st_size] = '\0';
	*out_data = data;
	*out_size = (size_t)status.st_size;
	data = NULL;
	result = 0;
end:
	free(data);
	fclose(file);
	return result;
}

static int add_label(struct model *model, const char *line, size_t length, char *error)
{
	if (length > 0 && line[length - 1] == '\r')
		length--;
	if (length >= ZOE_LABEL_BYTES)
		return fail(error, -EINVAL, "label %u of model %s is longer than %d bytes", model->label_count,
		            model->path, ZOE_LABEL_BYTES - 1);
	char **labels = realloc(model->labels, (model->label_count + 1) * sizeof(*labels));
	if (!labels)
		return -ENOMEM;
	model->labels = labels;
	bool unnamed = length == 3 && memcmp(line, "???", 3) == 0;
	labels[model->label_count] = strndup(line, unnamed ? 0 : length);
	if (!labels[model->label_count])
		return -ENOMEM;
	model->label_count++;
	return 0;
}

static int read_labels(struct model *model, const char *suffix, char *error)
{
	size_t stem = strlen(model->path) - (ends_with(model->path, suffix) ? strlen(suffix) : 0);
	char *path;
	if (asprintf(&path, "%.*s%s", (int)stem, model->path, LABELS_SUFFIX) < 0)
		return -ENOMEM;
	void *text = NULL;
	size_t size = 0;
	int status = read_file(path, &text, &size, error);
	free(path);
	const char *line = text;
	while (status == 0 && *line) {
		size_t length = strcspn(line, "\n");
		status = add_label(model, line, length, error);
		line += length + (line[length] == '\n');
	}
	free(text);
	return status;
}

int model_open(const struct zoe_detector_config *config, const char *suffix, struct model *out, char *error)
{
	struct model model = {0};
	fail(error, -ENOMEM, "no memory to read model %s", config->model);
	int status = find(config, suffix, &model.path, error);
	if (status == 0)
		status = read_file(model.path, &model.data, &model.size, error);
	if (status == 0)
		status = read_labels(&model, suffix, error);
	if (status < 0) {
		model_close(&model);
		return status;
	}
	*out = model;
	return 0;
}

void model_forget(struct model *model)
{
	free(model->data);
	model->data = NULL;
	model->size = 0;
}

void model_close(struct model *model)
{
	for (unsigned i = 0; i < model->label_count; i++)
		free(model->labels[i]);
	free(model->labels);
	free(model->data);
	free(model->path);
	*model = (struct model){0};
}
