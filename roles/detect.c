/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What `zoetrope detect` becomes: one engine, some pictures, a line of JSON for each; no server, no topics that others
 * see. The command line was checked by cli/detect.c: options as --key=value, then paths.
 */
#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/log.h"
#include "detect_picture.h"

struct detect {
	struct detect_config options;
	struct detector_engine *engine;
	unsigned batch;
	struct detect_picture pictures[ZOE_DETECTOR_BATCH_MAX];
	struct detector_result results[ZOE_DETECTOR_BATCH_MAX];
	bool failed; /* some picture: the others are done all the same */
};

static void say(struct detect *detect, const char *sentence)
{
	log_line("detect", "%s", sentence);
	detect->failed = true;
}

static int read_options(int argc, char **argv, struct detect_config *options, int *out_first, char *error)
{
	int status = options_init(detect_rows, options), at = 1;
	for (; status == 0 && at < argc && strncmp(argv[at], "--", 2) == 0; at++) {
		char key[64];
		size_t length = strcspn(argv[at], "=");
		snprintf(key, sizeof(key), "%.*s", (int)(length - 2), argv[at] + 2);
		status = options_set(detect_rows, options, key, argv[at][length] ? argv[at] + length + 1 : "", error);
	}
	*out_first = at;
	return status;
}

static int open_engine(struct detect *detect, char *error)
{
	const struct detect_config *options = &detect->options;
	const struct detector_config config = {
	    .engine = options->engine,
	    .model = options->model,
	    .options = options->options,
	    .labels = options->labels,
	    .threshold = options->threshold,
	    .threads = options->threads,
	};
	int status = detector_engine_open(&config, &detect->engine, error);
	if (status == 0)
		detect->batch = detector_engine_batch(detect->engine);
	return status;
}

static json_t *boxes_json(const struct detector_result *result)
{
	json_t *boxes = json_array();
	for (unsigned i = 0; i < result->count; i++) {
		const struct zoe_detection *box = &result->boxes[i];
		json_t *label = json_string(box->label); /* NULL if it is not UTF-8 */
		json_array_append_new(boxes, json_pack("{s:o, s:i, s:f, s:[f, f, f, f]}", "label",
		                                       label ? label : json_string("?"), "class", (int)box->class_id,
		                                       "score", (double)box->score, "box", (double)box->x,
		                                       (double)box->y, (double)box->w, (double)box->h));
	}
	return boxes;
}

static void print_result(struct detect *detect, const struct detect_picture *picture,
                         const struct detector_result *result)
{
	char error[DETECT_ERROR_BYTES], *annotated = NULL;
	json_t *line = json_pack("{s:s, s:i, s:i, s:f, s:o}", "image", picture->path, "width",
	                         (int)picture->image.width, "height", (int)picture->image.height, "inference_ms",
	                         (double)result->inference_ns / 1e6, "boxes", boxes_json(result));
	if (detect->options.folder[0]) {
		if (detect_picture_write(picture, result, detect->options.folder, &annotated, error) < 0)
			say(detect, error);
		else
			json_object_set_new(line, "annotated", json_string(annotated));
	}
	free(annotated);
	json_dumpf(line, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	putchar('\n');
	fflush(stdout);
	json_decref(line);
}

/* Look at `count` pictures that were read, print and forget them. */
static void run_batch(struct detect *detect, unsigned count)
{
	struct detector_picture pictures[ZOE_DETECTOR_BATCH_MAX];
	char error[ZOE_DETECTOR_ERROR_BYTES];
	for (unsigned i = 0; i < count; i++)
		pictures[i] = (struct detector_picture){
		    .image = &detect->pictures[i].image,
		    .data = detect->pictures[i].data,
		    .size = detect->pictures[i].size,
		    .seq = i,
		    .capture_ns = zoe_now_ns(),
		};
	int status = count ? detector_engine_run(detect->engine, pictures, count, detect->results, error) : 0;
	if (status < 0)
		say(detect, error);
	for (unsigned i = 0; i < count; i++) {
		if (status == 0)
			print_result(detect, &detect->pictures[i], &detect->results[i]);
		detect_picture_finish(&detect->pictures[i]);
	}
}

static void run(struct detect *detect, char *const *paths)
{
	char error[DETECT_ERROR_BYTES];
	unsigned count = 0;
	for (; *paths; paths++) {
		if (detect_picture_read(*paths, &detect->pictures[count], error) < 0)
			say(detect, error);
		else
			count++;
		if (count == detect->batch || !paths[1]) {
			run_batch(detect, count);
			count = 0;
		}
	}
}

int main(int argc, char **argv)
{
	static struct detect detect;
	char error[ZOE_DETECTOR_ERROR_BYTES] = "out of memory";
	int first, status = read_options(argc, argv, &detect.options, &first, error);
	if (status == 0 && detect.options.options.count == 1 && !strcmp(detect.options.options.items[0], "help"))
		status = detector_engine_help(detect.options.engine, error);
	else if (status == 0 && (status = open_engine(&detect, error)) == 0)
		run(&detect, argv + first);
	if (status < 0)
		say(&detect, error);
	detector_engine_close(detect.engine);
	options_finish(detect_rows, &detect.options);
	return detect.failed ? 1 : 0;
}
