/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine "replay": results that were recorded, in place of a network; for tests, and for pages that are built without a
 * model. Its "model" is a file of lines as `zoetrope detect` prints them: {"boxes": [{"label": "Car", "score": 0.9, "box":
 * [x, y, w, h]}]}. The frame with sequence number n gets line n; behind the last one it begins again.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zoetrope_detector.h"

#define LINES_MAX 1000000u

struct replay {
	json_t *lines;  /* array */
	json_t *labels; /* array of texts, in the order in which they first appear */
	float threshold;
};

static void replay_close(void *state)
{
	struct replay *replay = state;
	if (!replay)
		return;
	json_decref(replay->lines);
	json_decref(replay->labels);
	free(replay);
}

/* The number of a label, a new one if it was not there. */
static uint32_t class_of(struct replay *replay, const char *label)
{
	size_t i;
	json_t *known;
	json_array_foreach(replay->labels, i, known)
	{
		if (!strcmp(json_string_value(known), label))
			return (uint32_t)i;
	}
	json_array_append_new(replay->labels, json_string(label));
	return (uint32_t)i;
}

static int read_box(json_t *box, struct zoe_detection *out, const char **out_label)
{
	double score, x, y, w, h;
	if (json_unpack(box, "{s:s, s:F, s:[FFFF]}", "label", out_label, "score", &score, "box", &x, &y, &w, &h) < 0 ||
	    strlen(*out_label) >= ZOE_LABEL_BYTES)
		return -EINVAL;
	*out =
	    (struct zoe_detection){.x = (float)x, .y = (float)y, .w = (float)w, .h = (float)h, .score = (float)score};
	return 0;
}

static int check_line(struct replay *replay, json_t *line)
{
	json_t *boxes = json_object_get(line, "boxes"), *box;
	size_t i;
	if (!json_is_array(boxes) || json_array_size(boxes) > ZOE_DETECTIONS_MAX)
		return -EINVAL;
	json_array_foreach(boxes, i, box)
	{
		struct zoe_detection found;
		const char *label;
		if (read_box(box, &found, &label) < 0)
			return -EINVAL;
		class_of(replay, label);
	}
	return 0;
}

static int read_line(struct replay *replay, const char *text, const char *path, char *error)
{
	json_error_t json_error;
	json_t *line = json_loads(text, 0, &json_error);
	size_t number = json_array_size(replay->lines) + 1;
	if (!line) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "%.200s: result %zu is no JSON: %.100s", path, number,
		         json_error.text);
		return -EINVAL;
	}
	json_array_append_new(replay->lines, line);
	if (number <= LINES_MAX && check_line(replay, line) == 0)
		return 0;
	snprintf(
	    error, ZOE_DETECTOR_ERROR_BYTES,
	    "%.200s: result %zu is none: wanted {\"boxes\": [{\"label\": ..., \"score\": ..., \"box\": [x, y, w, h]}]}",
	    path, number);
	return -EINVAL;
}

static int read_lines(struct replay *replay, FILE *file, const char *path, char *error)
{
	char *text = NULL;
	size_t room = 0;
	int status = 0;
	while (status == 0 && getline(&text, &room, file) >= 0)
		status = read_line(replay, text, path, error);
	free(text);
	if (status == 0 && json_array_size(replay->lines) == 0) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "%.200s: there is no result in it", path);
		status = -EINVAL;
	}
	return status;
}

static int replay_open(const struct zoe_detector_config *config, void **out_state, char *error)
{
	struct replay *replay = calloc(1, sizeof(*replay));
	FILE *file = fopen(config->model, "re");
	int status = file ? 0 : -errno;
	if (!file)
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES,
		         "engine replay plays a file of results, its `model`; '%.200s' cannot be read: %s",
		         config->model, strerror(errno));
	if (replay && status == 0) {
		*replay = (struct replay){json_array(), json_array(), config->threshold};
		status = replay->lines && replay->labels ? read_lines(replay, file, config->model, error) : -ENOMEM;
	}
	if (file)
		fclose(file);
	if (status < 0 || !replay) {
		replay_close(replay);
		return status < 0 ? status : -ENOMEM;
	}
	*out_state = replay;
	return 0;
}

/* It does not look at them. */
static void replay_input(void *state, struct zoe_detector_input *out)
{
	out->batch = 1;
}

static const char *replay_label(void *state, uint32_t class_id)
{
	return json_string_value(json_array_get(((struct replay *)state)->labels, class_id));
}

static int replay_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t count,
                        struct zoe_detector_found *found, char *error)
{
	struct replay *replay = state;
	json_t *line = json_array_get(replay->lines, pictures->seq % json_array_size(replay->lines)), *box;
	size_t i;
	json_array_foreach(json_object_get(line, "boxes"), i, box)
	{
		struct zoe_detection recorded;
		const char *label;
		if (read_box(box, &recorded, &label) < 0 || recorded.score < replay->threshold)
			continue;
		recorded.class_id = class_of(replay, label);
		found->boxes[found->count++] = recorded;
	}
	return 0;
}

const struct zoe_detector_engine *zoe_detector_engine(void)
{
	static const struct zoe_detector_engine table = {
	    .abi = ZOE_DETECTOR_ABI,
	    .name = "replay",
	    .help = "Results that were recorded: the model is a file of lines as `zoetrope detect` prints them.",
	    .open = replay_open,
	    .input = replay_input,
	    .label = replay_label,
	    .infer = replay_infer,
	    .close = replay_close,
	};
	return &table;
}
