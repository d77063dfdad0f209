/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Engine "apriltag": square black and white tags with a number, over libapriltag; no model. A box is around the tag's four
 * corners, its label the number, its score 1 for a tag read without a wrong bit.
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <apriltag/apriltag.h>
#include <apriltag/tag16h5.h>
#include <apriltag/tag25h9.h>
#include <apriltag/tag36h11.h>
#include <apriltag/tagStandard41h12.h>

#include "zoetrope_detector.h"

/* Wrong bits that libapriltag corrects at most; with more of them any pattern would be a tag. */
#define BITS_MAX 2

enum option { FAMILY, DECIMATE, MARGIN };
static const struct zoe_detector_option options[] = {
    {"family", ZOE_DETECTOR_CHOICE, "tag36h11", 0, 0, "", "tag36h11|tag25h9|tag16h5|tagStandard41h12",
     "Kind of the tags."},
    {"decimate", ZOE_DETECTOR_NUMBER, "2", 1, 8, "", NULL, "Look for tags in a picture so many times smaller: faster."},
    {"margin", ZOE_DETECTOR_NUMBER, "20", 0, 255, "of 255", NULL, "Least contrast between the bits of a tag."},
    {NULL},
};

static const struct {
	const char *name;
	apriltag_family_t *(*create)(void);
	void (*destroy)(apriltag_family_t *family);
} families[] = {
    {"tag36h11", tag36h11_create, tag36h11_destroy},
    {"tag25h9", tag25h9_create, tag25h9_destroy},
    {"tag16h5", tag16h5_create, tag16h5_destroy},
    {"tagStandard41h12", tagStandard41h12_create, tagStandard41h12_destroy},
};

struct tags {
	apriltag_detector_t *detector;
	apriltag_family_t *family;
	size_t kind; /* in families */
	float threshold, margin;
	char (*names)[ZOE_LABEL_BYTES]; /* [family->ncodes] */
};

static void tags_close(void *state)
{
	struct tags *tags = state;
	if (!tags)
		return;
	if (tags->detector)
		apriltag_detector_destroy(tags->detector);
	if (tags->family)
		families[tags->kind].destroy(tags->family);
	free(tags->names);
	free(tags);
}

static int tags_open(const struct zoe_detector_config *config, void **out_state, char *error)
{
	struct tags *tags = calloc(1, sizeof(*tags));
	if (!tags)
		return -ENOMEM;
	tags->threshold = config->threshold;
	tags->margin = (float)config->options[MARGIN].number;
	while (strcmp(families[tags->kind].name, config->options[FAMILY].text) != 0)
		tags->kind++;
	tags->family = families[tags->kind].create();
	tags->detector = apriltag_detector_create();
	tags->names = tags->family ? calloc(tags->family->ncodes, sizeof(*tags->names)) : NULL;
	if (!tags->detector || !tags->names) {
		tags_close(tags);
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "no memory for the detector of tags");
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < tags->family->ncodes; i++)
		snprintf(tags->names[i], sizeof(tags->names[i]), "tag %u", i);
	apriltag_detector_add_family_bits(tags->detector, tags->family, BITS_MAX);
	tags->detector->quad_decimate = (float)config->options[DECIMATE].number;
	tags->detector->nthreads = (int)config->threads;
	*out_state = tags;
	return 0;
}

/* Tags are small: the camera's own size counts. */
static void tags_input(void *state, struct zoe_detector_input *out)
{
	out->format = ZOE_FORMAT_GREY;
	out->batch = 1;
}

static const char *tags_label(void *state, uint32_t class_id)
{
	const struct tags *tags = state;
	return class_id < tags->family->ncodes ? tags->names[class_id] : NULL;
}

/* The box around the four corners. */
static struct zoe_detection box_of(const apriltag_detection_t *tag, const struct zoe_image *image)
{
	double left = tag->p[0][0], right = left, top = tag->p[0][1], bottom = top;
	for (int i = 1; i < 4; i++) {
		left = fmin(left, tag->p[i][0]);
		right = fmax(right, tag->p[i][0]);
		top = fmin(top, tag->p[i][1]);
		bottom = fmax(bottom, tag->p[i][1]);
	}
	return (struct zoe_detection){
	    .x = (float)(left / image->width),
	    .y = (float)(top / image->height),
	    .w = (float)((right - left) / image->width),
	    .h = (float)((bottom - top) / image->height),
	    .score = 1 - (float)tag->hamming / (BITS_MAX + 1),
	    .class_id = (uint32_t)tag->id,
	};
}

static int by_score(const void *left, const void *right)
{
	const struct zoe_detection *a = left, *b = right;
	if (a->score != b->score)
		return a->score < b->score ? 1 : -1;
	return a->class_id < b->class_id ? -1 : a->class_id > b->class_id;
}

static int tags_infer(void *state, const struct zoe_detector_picture *pictures, uint32_t count,
                      struct zoe_detector_found *found, char *error)
{
	struct tags *tags = state;
	image_u8_t image = {.width = (int)pictures->image.width,
	                    .height = (int)pictures->image.height,
	                    .stride = (int)pictures->image.planes[0].stride,
	                    .buf = (uint8_t *)pictures->data}; /* only read */
	zarray_t *list = apriltag_detector_detect(tags->detector, &image);
	for (int i = 0; i < zarray_size(list) && found->count < found->room; i++) {
		apriltag_detection_t *tag;
		zarray_get(list, i, &tag);
		struct zoe_detection box = box_of(tag, &pictures->image);
		if (tag->decision_margin >= tags->margin && box.score >= tags->threshold)
			found->boxes[found->count++] = box;
	}
	apriltag_detections_destroy(list);
	qsort(found->boxes, found->count, sizeof(found->boxes[0]), by_score);
	return 0;
}

const struct zoe_detector_engine *zoe_detector_engine(void)
{
	static const struct zoe_detector_engine table = {
	    .abi = ZOE_DETECTOR_ABI,
	    .name = "apriltag",
	    .help = "Tags: square black and white patterns with a number; labels \"tag 42\".",
	    .options = options,
	    .open = tags_open,
	    .input = tags_input,
	    .label = tags_label,
	    .infer = tags_infer,
	    .close = tags_close,
	};
	return &table;
}
