/* SPDX-License-Identifier: Apache-2.0 */
/* See head.h. The heads other than SSD are short enough to stand here, one below the other. */
#include "head.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "boxes.h"
#include "ssd.h"

#define BOXES_MAX 100000u /* YOLO at 1280x1280 has 102000 / 4 */
#define FACE_BOX  16      /* numbers of a BlazeFace box: place, and six points of the face */

struct head;

struct head_kind {
	const char *name;
	const char *wants;
	/* Do the outputs fit? Sets order and box_count. */
	bool (*fits)(struct head *head, const struct head_tensor *outputs, unsigned count);
	/* Fill head->boxes from one picture's outputs. Returns how many. NULL = ssd.c does it all. */
	unsigned (*collect)(struct head *head, const struct head_tensor *outputs, unsigned index);
};

struct head {
	const struct head_kind *kind;
	float threshold, overlap;
	float width, height; /* of the input, pixels */
	unsigned classes;
	unsigned box_count;
	unsigned order[HEAD_OUTPUTS]; /* which output is which; blazeface: boxes, scores, boxes, scores */
	unsigned order_count;
	struct box *boxes;
	float (*anchors)[2]; /* blazeface: centres */
	struct ssd *ssd;
};

/* One picture's part of an output. */
static const float *part(const struct head_tensor *output, unsigned index)
{
	return output->data + (size_t)index * (size_t)output->shape[1] * (size_t)output->shape[2];
}

static bool has_shape(const struct head_tensor *output, int64_t rows, int64_t columns)
{
	return output->dims == 3 && output->shape[1] == rows && output->shape[2] == columns;
}

/* ---- ssd ---------------------------------------------------------------------------------------------------- */

static bool ssd_fits(struct head *head, const struct head_tensor *outputs, unsigned count)
{
	for (unsigned boxes = 0; boxes < 2 && count == 2; boxes++) {
		head->order[0] = boxes;
		head->order[1] = !boxes;
		if (has_shape(&outputs[boxes], SSD_ANCHORS, 4) &&
		    has_shape(&outputs[!boxes], SSD_ANCHORS, head->classes))
			return true;
	}
	return false;
}

/* ---- blazeface ---------------------------------------------------------------------------------------------- */

/* Anchors of MediaPipe's face detectors: grids and anchors in each cell, by how many there are altogether. */
static const struct {
	unsigned total;
	unsigned grids[2][2]; /* cells in a row, anchors in a cell */
} face_grids[] = {{896, {{16, 2}, {8, 6}}}, {2304, {{48, 1}, {0, 0}}}};

/* The part whose box comes first has more rows: a finer grid. */
static void sort_parts(struct head *head, const struct head_tensor *outputs)
{
	for (unsigned i = 2; i + 1 < head->order_count; i += 2) {
		if (outputs[head->order[i]].shape[1] <= outputs[head->order[i - 2]].shape[1])
			continue;
		for (unsigned k = 0; k < 2; k++) {
			unsigned other = head->order[i + k];
			head->order[i + k] = head->order[i - 2 + k];
			head->order[i - 2 + k] = other;
		}
	}
}

static bool face_fits(struct head *head, const struct head_tensor *outputs, unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		if (outputs[i].dims != 3 || outputs[i].shape[2] != FACE_BOX)
			continue;
		unsigned scores = 0;
		while (scores < count && !has_shape(&outputs[scores], outputs[i].shape[1], 1))
			scores++;
		if (scores == count || head->order_count + 2 > HEAD_OUTPUTS)
			return false;
		head->order[head->order_count++] = i;
		head->order[head->order_count++] = scores;
		head->box_count += (unsigned)outputs[i].shape[1];
	}
	sort_parts(head, outputs);
	return head->classes == 1 && head->order_count == count &&
	       (head->box_count == face_grids[0].total || head->box_count == face_grids[1].total);
}

static int face_anchors(struct head *head)
{
	head->anchors = calloc(head->box_count, sizeof(*head->anchors));
	if (!head->anchors)
		return -ENOMEM;
	const unsigned(*grids)[2] = face_grids[head->box_count != face_grids[0].total].grids;
	for (unsigned grid = 0, n = 0; grid < 2; grid++) {
		unsigned cells = grids[grid][0], each = grids[grid][1];
		for (unsigned i = 0; i < cells * cells * each; i++, n++) {
			head->anchors[n][0] = ((float)(i / each % cells) + 0.5f) / (float)cells;
			head->anchors[n][1] = ((float)(i / each / cells) + 0.5f) / (float)cells;
		}
	}
	return 0;
}

static unsigned face_collect(struct head *head, const struct head_tensor *outputs, unsigned index)
{
	unsigned count = 0, anchor = 0;
	for (unsigned k = 0; k < head->order_count; k += 2) {
		const struct head_tensor *output = &outputs[head->order[k]];
		const float *box = part(output, index), *logits = part(&outputs[head->order[k + 1]], index);
		for (int64_t i = 0; i < output->shape[1]; i++, anchor++, box += FACE_BOX) {
			struct box *found = &head->boxes[count];
			*found = (struct box){.score = box_score(logits[i]), .anchor = anchor};
			/* Written so that a score that is no number fails too. */
			if (found->score >= head->threshold &&
			    box_place(found, head->anchors[anchor][0] + box[0] / head->width,
			              head->anchors[anchor][1] + box[1] / head->height, box[2] / head->width,
			              box[3] / head->height))
				count++;
		}
	}
	return count;
}

/* ---- yolo --------------------------------------------------------------------------------------------------- */

static bool yolo5_fits(struct head *head, const struct head_tensor *outputs, unsigned count)
{
	if (count != 1 || outputs->dims != 3 || outputs->shape[2] != 5 + (int64_t)head->classes)
		return false;
	head->box_count = (unsigned)outputs->shape[1];
	return outputs->shape[1] > 0 && outputs->shape[1] <= BOXES_MAX;
}

static bool yolo8_fits(struct head *head, const struct head_tensor *outputs, unsigned count)
{
	if (count != 1 || outputs->dims != 3 || outputs->shape[1] != 4 + (int64_t)head->classes)
		return false;
	head->box_count = (unsigned)outputs->shape[2];
	return outputs->shape[2] > 0 && outputs->shape[2] <= BOXES_MAX;
}

/* Number k of box i is at [i * row + k * column]; scores begin at number `first`. */
static unsigned yolo_collect(struct head *head, const float *values, size_t row, size_t column, unsigned first)
{
	unsigned count = 0;
	for (unsigned i = 0; i < head->box_count; i++) {
		const float *box = values + i * row;
		unsigned best = 0;
		for (unsigned c = 1; c < head->classes; c++) {
			if (box[(first + c) * column] > box[(first + best) * column])
				best = c;
		}
		float sure = first > 4 ? box[4 * column] : 1;
		struct box *found = &head->boxes[count];
		*found = (struct box){.score = sure * box[(first + best) * column], .class_id = best, .anchor = i};
		if (found->score >= head->threshold && found->score <= 1 &&
		    box_place(found, box[0] / head->width, box[column] / head->height, box[2 * column] / head->width,
		              box[3 * column] / head->height))
			count++;
	}
	return count;
}

static unsigned yolo5_collect(struct head *head, const struct head_tensor *outputs, unsigned index)
{
	return yolo_collect(head, part(outputs, index), 5 + head->classes, 1, 5);
}

static unsigned yolo8_collect(struct head *head, const struct head_tensor *outputs, unsigned index)
{
	return yolo_collect(head, part(outputs, index), 1, head->box_count, 4);
}

/* ---- all ---------------------------------------------------------------------------------------------------- */

static const struct head_kind kinds[] = {
    {"ssd", "[n][1917][4] and [n][1917][labels]", ssd_fits, NULL},
    {"blazeface", "[n][896 or 2304][16] and [n][896 or 2304][1], and one label", face_fits, face_collect},
    {"yolov5", "[n][boxes][5 + labels]", yolo5_fits, yolo5_collect},
    {"yolov8", "[n][4 + labels][boxes]", yolo8_fits, yolo8_collect},
};

static int refuse(const struct head *head, const struct model *model, const struct head_tensor *outputs, unsigned count,
                  char *error)
{
	char found[200] = "";
	for (unsigned i = 0; i < count; i++) {
		size_t used = strlen(found);
		used += (size_t)snprintf(found + used, sizeof(found) - used, "%s", i ? " and " : "");
		for (unsigned k = 0; k < outputs[i].dims && used < sizeof(found); k++)
			used += (size_t)snprintf(found + used, sizeof(found) - used, "[%lld]",
			                         (long long)outputs[i].shape[k]);
		if (outputs[i].dims == 0 && used < sizeof(found))
			snprintf(found + used, sizeof(found) - used, "one that is not float32 of up to 4 dimensions");
	}
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "%.120s has outputs %s and %u labels; its head %s wants %s",
	         model->path, found, head->classes, head->kind->name, head->kind->wants);
	return -EINVAL;
}

static int allocate(struct head *head)
{
	if (!head->kind->collect)
		return ssd_create(head->classes, head->threshold, &head->ssd);
	head->boxes = calloc(head->box_count, sizeof(*head->boxes));
	if (!head->boxes)
		return -ENOMEM;
	return head->kind->collect == face_collect ? face_anchors(head) : 0;
}

int head_create(const struct model *model, float threshold, const struct head_tensor *outputs, unsigned count,
                struct head **out, char *error)
{
	struct head *head = calloc(1, sizeof(*head));
	int status = -ENOMEM;
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "no memory to decode the outputs of %.200s", model->path);
	if (!head)
		return status;
	head->threshold = threshold;
	head->overlap = model->overlap;
	head->width = (float)model->input.width;
	head->height = (float)model->input.height;
	head->classes = model->label_count;
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
		if (strcmp(kinds[i].name, model->head) == 0)
			head->kind = &kinds[i];
	}
	if (count > HEAD_OUTPUTS || !head->kind->fits(head, outputs, count))
		status = refuse(head, model, outputs, count, error);
	else
		status = allocate(head);
	if (status < 0) {
		head_destroy(head);
		return status;
	}
	*out = head;
	return 0;
}

void head_destroy(struct head *head)
{
	if (!head)
		return;
	ssd_destroy(head->ssd);
	free(head->boxes);
	free(head->anchors);
	free(head);
}

void head_decode(struct head *head, const struct head_tensor *outputs, unsigned index, struct zoe_detector_found *found)
{
	if (head->ssd)
		found->count = ssd_decode(head->ssd, part(&outputs[head->order[0]], index),
		                          part(&outputs[head->order[1]], index), found->boxes, found->room);
	else
		found->count = boxes_choose(head->boxes, head->kind->collect(head, outputs, index), head->overlap,
		                            found->boxes, found->room);
}
