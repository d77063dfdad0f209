/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Finding and reading a model: first its description, by rows of common/options.h, then the network's file. A label
 * "???" marks a class that is never reported.
 */
#include "model.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/options.h"
#include "common/yaml_file.h"

#define FILE_BYTES_MAX (1u << 30)
#define NETWORK        ".onnx"
#define DESCRIPTION    ".yaml"

/* What a description says. */
struct description {
	char *file;
	int64_t width, height;
	char *format, *layout, *fit;
	int64_t pad;
	struct option_list mean, scale;
	char *head;
	double overlap;
	struct option_list labels;
	char *licence, *source, *checksum; /* for people, and for `zoetrope model` */
};

#define MEMBER(member) offsetof(struct description, member)
static const struct option_row rows[] = {
    {"file", OPTION_TEXT, MEMBER(file), "", 0, 0, "", NULL, "The network's file; empty means NAME.onnx."},
    {"width", OPTION_INTEGER, MEMBER(width), "0", 0, 8192, "pixels", NULL, "Width of the picture it looks at."},
    {"height", OPTION_INTEGER, MEMBER(height), "0", 0, 8192, "pixels", NULL, "Height of that picture."},
    {"format", OPTION_CHOICE, MEMBER(format), "RGB", 0, 0, "", "RGB|BGR|GREY", "Order of the colours."},
    {"layout", OPTION_CHOICE, MEMBER(layout), "NCHW", 0, 0, "", "NCHW|NHWC", "Order of the tensor."},
    {"fit", OPTION_CHOICE, MEMBER(fit), "stretch", 0, 0, "", "stretch|letterbox", "How a picture is made to fit."},
    {"pad", OPTION_INTEGER, MEMBER(pad), "0", 0, 255, "", NULL, "What a letterbox is filled with."},
    {"mean", OPTION_LIST, MEMBER(mean), "0", 0, 0, "", NULL, "Taken off each pixel: one number, or one a channel."},
    {"scale", OPTION_LIST, MEMBER(scale), "1", 0, 0, "", NULL, "Each pixel is multiplied by it after that."},
    {"head", OPTION_CHOICE, MEMBER(head), NULL, 0, 0, "", "ssd|blazeface|yolov5|yolov8", "How outputs become boxes."},
    {"overlap", OPTION_NUMBER, MEMBER(overlap), "0.5", 0, 1, "", NULL, "More overlap makes two boxes one."},
    {"labels", OPTION_LIST, MEMBER(labels), NULL, 0, 0, "", NULL, "Names of the classes; ??? is never reported."},
    {"licence", OPTION_TEXT, MEMBER(licence), NULL, 0, 0, "", NULL, "Under which the network may be used."},
    {"source", OPTION_TEXT, MEMBER(source), NULL, 0, 0, "", NULL, "Where the network comes from."},
    {"checksum", OPTION_TEXT, MEMBER(checksum), "", 0, 0, "", NULL, "sha256:... of the network's file."},
    {NULL},
};

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

/* The description's path, for a model that is a path. */
static char *beside(const char *model)
{
	size_t stem = strlen(model);
	char *path;
	if (ends_with(model, DESCRIPTION))
		return strdup(model);
	if (ends_with(model, NETWORK))
		stem -= strlen(NETWORK);
	return asprintf(&path, "%.*s" DESCRIPTION, (int)stem, model) < 0 ? NULL : path;
}

/* The description's path: the first folder that has it. */
static int find(const struct zoe_detector_config *config, char **out_path, char *error)
{
	if (!config->model || !config->model[0])
		return fail(error, -ENOENT, "this engine needs a model: name one, such as ssd-mobilenet-v2");
	if (strchr(config->model, '/') || ends_with(config->model, NETWORK) || ends_with(config->model, DESCRIPTION)) {
		*out_path = beside(config->model);
		return *out_path ? 0 : -ENOMEM;
	}
	const char *rest = config->models ? config->models : "";
	while (*rest) {
		int length = (int)strcspn(rest, ":");
		char *path;
		if (asprintf(&path, "%.*s/%s" DESCRIPTION, length, rest, config->model) < 0)
			return -ENOMEM;
		if (access(path, F_OK) == 0) {
			*out_path = path;
			return 0;
		}
		free(path);
		rest += length + (rest[length] == ':');
	}
	return fail(error, -ENOENT,
	            "model %.60s not found in %.200s: `zoetrope model list` shows those that can be fetched, "
	            "`zoetrope model fetch ssd-mobilenet-v2` gets one",
	            config->model, config->models);
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

/* ---- the description ---------------------------------------------------------------------------------------- */

/* One key of the description. */
static int read_key(struct yaml *yaml, const struct yaml_pair *pair, struct description *description)
{
	char reason[OPTIONS_ERROR_BYTES];
	const struct option_row *row = options_find(rows, pair->key);
	if (!row)
		return yaml_unknown(yaml, pair->line, "", pair->key, options_nearest(rows, pair->key));
	char *text = yaml_text(yaml, pair->value, row, reason);
	int status = text ? options_put(row, description, text, reason) : -EINVAL;
	free(text);
	return status < 0 ? yaml_fail(yaml, pair->line, "key '%s': %s", pair->key, reason) : 0;
}

static int read_keys(struct yaml *yaml, struct description *description)
{
	struct yaml_pair pair;
	int status = yaml_wants_keys(yaml, yaml_root(yaml), "");
	if (status == 0)
		status = yaml_check_keys(yaml);
	for (size_t at = 0; status == 0 && yaml_next(yaml, yaml_root(yaml), &at, &pair);)
		status = read_key(yaml, &pair, description);
	if (status < 0)
		return status;
	const struct option_row *missing = options_missing(rows, description);
	if (!missing && (!description->width || !description->height))
		missing = options_find(rows, description->width ? "height" : "width");
	return missing ? yaml_fail(yaml, 0, "key '%s' is missing: %s", missing->name, missing->help) : 0;
}

static int read_description(const char *path, struct description *description, char *error)
{
	char sentence[YAML_ERROR_BYTES];
	struct yaml *yaml;
	int status = yaml_open(path, "the description of a model, zoetrope-model(5)", &yaml, sentence);
	if (status == 0) {
		status = read_keys(yaml, description);
		yaml_close(yaml);
	}
	return status < 0 ? fail(error, status, "%.500s", sentence) : 0;
}

/* One number for all channels, or three. */
static int read_channels(const char *path, const char *key, const struct option_list *list, float out[3], char *error)
{
	for (size_t i = 0; i < 3 && (list->count == 1 || list->count == 3); i++) {
		const char *text = list->items[list->count == 1 ? 0 : i];
		char *end;
		out[i] = strtof(text, &end);
		if (*end || end == text)
			return fail(error, -EINVAL, "%.200s: key '%s': '%.60s' is no number", path, key, text);
	}
	if (list->count != 1 && list->count != 3)
		return fail(error, -EINVAL, "%.200s: key '%s': wanted 1 number or 3, found %zu", path, key,
		            list->count);
	return 0;
}

static int take_input(const char *path, const struct description *description, struct zoe_detector_input *out,
                      char *error)
{
	*out = (struct zoe_detector_input){
	    .format = !strcmp(description->format, "GREY")  ? ZOE_FORMAT_GREY
	              : !strcmp(description->format, "BGR") ? ZOE_FORMAT_BGR24
	                                                    : ZOE_FORMAT_RGB24,
	    .layout = strcmp(description->layout, "NCHW") ? ZOE_LAYOUT_NHWC : ZOE_LAYOUT_NCHW,
	    .fit = strcmp(description->fit, "stretch") ? ZOE_FIT_LETTERBOX : ZOE_FIT_STRETCH,
	    .width = (uint32_t)description->width,
	    .height = (uint32_t)description->height,
	    .batch = 1,
	    .pad = (uint32_t)description->pad,
	};
	int status = read_channels(path, "mean", &description->mean, out->mean, error);
	return status < 0 ? status : read_channels(path, "scale", &description->scale, out->scale, error);
}

static int take_labels(const char *path, const struct option_list *labels, struct model *model, char *error)
{
	model->labels = calloc(labels->count, sizeof(*model->labels));
	for (size_t i = 0; model->labels && i < labels->count; i++) {
		const char *label = labels->items[i];
		if (strlen(label) >= ZOE_LABEL_BYTES)
			return fail(error, -EINVAL, "%.200s: label %zu is longer than %d bytes", path, i,
			            ZOE_LABEL_BYTES - 1);
		model->labels[i] = strdup(strcmp(label, "???") ? label : "");
		if (!model->labels[i])
			return -ENOMEM;
		model->label_count++;
	}
	return model->labels ? 0 : -ENOMEM;
}

/* The network lies beside its description. */
static char *network_path(const char *path, const char *file)
{
	const char *slash = strrchr(path, '/');
	int folder = slash ? (int)(slash + 1 - path) : 0;
	char *network;
	int length = file[0] == '/' ? asprintf(&network, "%s", file)
	             : file[0]      ? asprintf(&network, "%.*s%s", folder, path, file)
	                       : asprintf(&network, "%.*s" NETWORK, (int)(strlen(path) - strlen(DESCRIPTION)), path);
	return length < 0 ? NULL : network;
}

static int take(const char *path, const struct description *description, struct model *model, char *error)
{
	int status = take_input(path, description, &model->input, error);
	if (status == 0)
		status = take_labels(path, &description->labels, model, error);
	if (status < 0)
		return status;
	model->overlap = (float)description->overlap;
	model->head = strdup(description->head);
	model->path = network_path(path, description->file);
	if (!model->head || !model->path)
		return -ENOMEM;
	return read_file(model->path, &model->data, &model->size, error);
}

int model_open(const struct zoe_detector_config *config, struct model *out, char *error)
{
	struct model model = {0};
	struct description description;
	char *path = NULL;
	fail(error, -ENOMEM, "no memory to read model %.200s", config->model);
	if (options_init(rows, &description) < 0)
		return -ENOMEM;
	int status = find(config, &path, error);
	if (status == 0)
		status = read_description(path, &description, error);
	if (status == 0)
		status = take(path, &description, &model, error);
	options_finish(rows, &description);
	free(path);
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
	free(model->head);
	free(model->path);
	*model = (struct model){0};
}
