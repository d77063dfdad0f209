/* SPDX-License-Identifier: Apache-2.0 */
/* See detector_look.h. All parts of all frames stand in one row, which goes to the engine a batch at a time. */
#include "detector_look.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "convert/convert.h"
#include "detector_gate.h"

#define PARTS_MAX (ZOE_DETECTOR_BATCH_MAX * AREAS_MAX)

/* One part of one frame. */
struct part {
	unsigned look;   /* index */
	unsigned area;   /* index in the look's parts */
	struct area box; /* where it really is, fractions of the frame */
	struct zoe_image image;
	struct detector_picture picture;
};

/* Of one frame: its planes. */
struct source {
	struct zoe_image image;
	const void *data;
	size_t size;
};

struct looker {
	const struct detector_config *config;
	struct detector_engine *engine;
	unsigned batch;
	struct areas regions;
	bool parted;         /* parts of a frame are looked at: compressed ones are decoded here */
	struct gate **gates; /* one for each camera; NULL = no gate */
	struct converter *converters[ZOE_DETECTOR_BATCH_MAX];
	struct source sources[ZOE_DETECTOR_BATCH_MAX];
	struct part parts[PARTS_MAX];
	struct areas_found found[ZOE_DETECTOR_BATCH_MAX];
	struct detector_result results[ZOE_DETECTOR_BATCH_MAX];
};

/* ---- begin and end ------------------------------------------------------------------------------------------ */

static int make_gates(struct looker *looker, char *error)
{
	struct areas ignored;
	int status = areas_read_ignored(&looker->config->motion_ignore, &ignored, error);
	if (status < 0 || !looker->config->motion_gate)
		return status;
	looker->gates = calloc(looker->config->cameras.count, sizeof(struct gate *));
	if (!looker->gates)
		return -ENOMEM;
	for (size_t i = 0; i < looker->config->cameras.count && status == 0; i++)
		status = gate_create(&ignored, &looker->gates[i], error);
	return status;
}

int looker_open(const struct detector_config *config, struct looker **out, char *error)
{
	struct looker *looker = calloc(1, sizeof(*looker));
	int status = looker ? 0 : -ENOMEM;
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "no memory for a worker");
	for (unsigned i = 0; i < ZOE_DETECTOR_BATCH_MAX && status == 0; i++)
		status = converter_create(&looker->converters[i]);
	if (status == 0) {
		looker->config = config;
		status = areas_read(&config->regions, &looker->regions, error);
	}
	if (status == 0)
		status = make_gates(looker, error);
	if (status == 0)
		status = detector_engine_open(config, &looker->engine, error);
	if (status < 0) {
		looker_close(looker);
		return status;
	}
	looker->batch = detector_engine_batch(looker->engine);
	looker->parted = config->regions.count || config->motion_gate;
	*out = looker;
	return 0;
}

void looker_close(struct looker *looker)
{
	if (!looker)
		return;
	detector_engine_close(looker->engine);
	for (unsigned i = 0; i < ZOE_DETECTOR_BATCH_MAX; i++)
		converter_destroy(looker->converters[i]);
	for (size_t i = 0; looker->gates && i < looker->config->cameras.count; i++)
		gate_destroy(looker->gates[i]);
	free(looker->gates);
	free(looker);
}

unsigned looker_frames(const struct looker *looker)
{
	unsigned frames = looker->batch / looker->regions.count;
	return frames ? frames : 1;
}

/* ---- parts -------------------------------------------------------------------------------------------------- */

static int fail(struct look *look, int status)
{
	look->status = status;
	return status;
}

/* The frame's planes; a JPEG has none that could be cut, and is decoded once for all of its parts. */
static int open_source(struct looker *looker, struct look *look, unsigned index)
{
	struct source *source = &looker->sources[index];
	const struct zoe_frame *frame = &look->frame;
	*source = (struct source){.image = frame->image, .data = frame->data, .size = frame->size};
	if (frame->image.format != ZOE_FORMAT_MJPEG || !looker->parted)
		return 0;
	struct zoe_image planes = {.format = ZOE_FORMAT_I420, .range = ZOE_RANGE_FULL};
	const uint8_t *data;
	int status = converter_run(looker->converters[index], &frame->image, frame->data, frame->size, &planes, &data);
	if (status < 0) {
		snprintf(look->error, sizeof(look->error), "a JPEG picture of %ux%u pixels cannot be decoded",
		         frame->image.width, frame->image.height);
		return fail(look, status);
	}
	int64_t size = zoe_image_layout(&planes, 1);
	*source = (struct source){.image = planes, .data = data, .size = size < 0 ? 0 : (size_t)size};
	return 0;
}

/* Which parts of it are looked at. The gate sees every frame, also those that are looked at anyway. */
static int choose_parts(struct looker *looker, struct look *look, unsigned index)
{
	struct zoe_detection moved[GATE_BOXES];
	const struct source *source = &looker->sources[index];
	look->looked = looker->regions;
	if (!looker->gates)
		return 0;
	int count = gate_look(looker->gates[look->camera], &source->image, source->data, source->size,
	                      look->frame.capture_ns, moved, look->error);
	if (count < 0)
		return fail(look, count);
	if (look->whole)
		return 0;
	look->looked.count = 0;
	if (count > 0)
		areas_around(&looker->regions, moved, (unsigned)count, &look->earlier, &look->looked);
	return 0;
}

static void put_part(const struct looker *looker, const struct look *look, unsigned index, unsigned area,
                     struct part *part)
{
	const struct source *source = &looker->sources[index];
	const struct area *wanted = &look->looked.items[area];
	unsigned x = 0, y = 0, width = source->image.width, height = source->image.height;
	/* Streams are told apart by region; what the gate cuts out has no place of its own. */
	unsigned region = looker->gates ? 0 : area;
	*part = (struct part){.look = index, .area = area, .box = {0, 0, 1, 1}, .image = source->image};
	if ((wanted->width < 1 || wanted->height < 1) && width && height) {
		area_pixels(wanted, source->image.width, source->image.height, &x, &y, &width, &height);
		area_crop(wanted, &part->image);
		part->box = (struct area){(double)x / source->image.width, (double)y / source->image.height,
		                          (double)width / source->image.width, (double)height / source->image.height};
	}
	part->picture = (struct detector_picture){
	    .image = &part->image,
	    .data = source->data,
	    .size = source->size,
	    .seq = look->frame.seq,
	    .capture_ns = look->frame.capture_ns,
	    .stream = look->camera * looker->regions.count + region,
	};
}

/* ---- looking ------------------------------------------------------------------------------------------------ */

static void take_result(struct looker *looker, struct look *const *looks, const struct part *part,
                        const struct detector_result *result)
{
	struct detector_result *all = &looks[part->look]->result;
	all->inference_ns += result->inference_ns;
	if (all->inferred_ns != result->inferred_ns) { /* its first part in this batch */
		all->prepared_ns += result->prepared_ns - result->begun_ns;
		all->inferred_ns = result->inferred_ns;
	}
	areas_add(&looker->found[part->look], part->area, &part->box, result);
}

/* One that the engine refuses must not take the others along: each is tried by itself then. */
static void run_parts(struct looker *looker, struct look *const *looks, const struct part *parts, unsigned count)
{
	struct detector_picture pictures[ZOE_DETECTOR_BATCH_MAX] = {{NULL}};
	char error[ZOE_DETECTOR_ERROR_BYTES];
	for (unsigned i = 0; i < count; i++)
		pictures[i] = parts[i].picture;
	int status = detector_engine_run(looker->engine, pictures, count, looker->results, error);
	for (unsigned i = 0; status == 0 && i < count; i++)
		take_result(looker, looks, &parts[i], &looker->results[i]);
	for (unsigned i = 0; status < 0 && count > 1 && i < count; i++)
		run_parts(looker, looks, &parts[i], 1);
	if (status < 0 && count == 1) {
		struct look *look = looks[parts->look];
		memcpy(look->error, error, sizeof(error));
		look->status = status;
	}
}

void looker_run(struct looker *looker, struct look *const *looks, unsigned count)
{
	unsigned parts = 0;
	for (unsigned i = 0; i < count; i++) {
		struct look *look = looks[i];
		int64_t begin_ns = zoe_now_ns();
		look->status = 0;
		look->looked.count = looker->found[i].parts = looker->found[i].count = 0;
		if (open_source(looker, look, i) == 0 && choose_parts(looker, look, i) == 0) {
			for (unsigned area = 0; area < look->looked.count; area++)
				put_part(looker, look, i, area, &looker->parts[parts++]);
		}
		look->result.begun_ns = begin_ns;
		look->result.prepared_ns = look->result.inferred_ns = zoe_now_ns();
		look->result.inference_ns = look->result.prepared_ns - begin_ns;
	}
	for (unsigned done = 0, now; done < parts; done += now) {
		now = parts - done < looker->batch ? parts - done : looker->batch;
		run_parts(looker, looks, &looker->parts[done], now);
	}
	for (unsigned i = 0; i < count; i++)
		areas_merge(&looker->found[i], &looks[i]->result);
}
