/* SPDX-License-Identifier: Apache-2.0 */
/* See detector_gate.h. */
#include "detector_gate.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "detector_prepare.h"
#include "drivers/detector/scene.h"

/* Those of engine `motion`, but that less of a cell has to change: a look too many costs one inference, one too few costs
 * an object. */
static const struct scene_settings settings = {
    .width = 320, .height = 180, .share = 0.2f, .difference = 20, .min_area = 0.001f, .learn_s = 5};

struct gate {
	struct prepare *prepare;
	struct scene *scene;
};

int gate_create(const struct areas *ignored, struct gate **out, char *error)
{
	const struct zoe_detector_input input = {
	    .format = ZOE_FORMAT_GREY, .width = settings.width, .height = settings.height, .batch = 1};
	struct gate *gate = calloc(1, sizeof(*gate));
	int status = gate ? prepare_create(&input, &gate->prepare, error) : -ENOMEM;
	if (status == 0)
		status = scene_create(&settings, &gate->scene);
	if (status < 0) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "no memory to see what moves");
		gate_destroy(gate);
		return status;
	}
	for (unsigned i = 0; i < ignored->count; i++) {
		const struct area *area = &ignored->items[i];
		scene_ignore(gate->scene, (float)area->x, (float)area->y, (float)area->width, (float)area->height);
	}
	*out = gate;
	return 0;
}

void gate_destroy(struct gate *gate)
{
	if (!gate)
		return;
	prepare_destroy(gate->prepare);
	scene_destroy(gate->scene);
	free(gate);
}

int gate_look(struct gate *gate, const struct zoe_image *image, const void *data, size_t size, int64_t capture_ns,
              struct zoe_detection moved[GATE_BOXES], char *error)
{
	struct zoe_detector_picture picture;
	int status = prepare_put(gate->prepare, 0, image, data, size, &picture, error);
	if (status < 0)
		return status;
	bool first = !scene_known(gate->scene);
	unsigned count = scene_look(gate->scene, picture.data, capture_ns, moved, GATE_BOXES);
	if (first)
		moved[count++] = (struct zoe_detection){.w = 1, .h = 1, .score = 1};
	return (int)count;
}
