/* SPDX-License-Identifier: Apache-2.0 */
/* SSD decoding, by cases that can be worked out by hand. The comparison with numpy is in test_ssd_numpy.py. */
#include <math.h>
#include <stdlib.h>

#include "check.h"
#include "drivers/detector/ssd.h"

#define CLASSES 4
/* A logit whose score is 0.9. */
#define SURE 2.1972246f

/* Room for an SSD's output, with every score far below any threshold. */
struct output {
	struct ssd *ssd;
	float boxes[SSD_ANCHORS][4];
	float scores[SSD_ANCHORS][CLASSES];
	struct zoe_detection found[SSD_ANCHORS];
};

static struct output *prepare(float threshold)
{
	struct output *output = calloc(1, sizeof(*output));
	CHECK(output);
	CHECK_EQ(ssd_create(CLASSES, threshold, &output->ssd), 0);
	for (unsigned i = 0; i < SSD_ANCHORS; i++) {
		for (unsigned c = 0; c < CLASSES; c++)
			output->scores[i][c] = -20;
	}
	return output;
}

static unsigned decode(struct output *output, unsigned room)
{
	return ssd_decode(output->ssd, output->boxes[0], output->scores[0], output->found, room);
}

static void finish(struct output *output)
{
	ssd_destroy(output->ssd);
	free(output);
}

static int near(double a, double b)
{
	return fabs(a - b) < 1e-5;
}

TEST(anchors_of_the_first_and_last_cell)
{
	struct output *output = prepare(0.5f);
	const float(*anchors)[4] = ssd_anchors(output->ssd);
	CHECK(near(anchors[0][0], 0.5 / 19) && near(anchors[0][1], 0.5 / 19));
	CHECK(near(anchors[0][2], 0.1) && near(anchors[0][3], 0.1));
	CHECK(near(anchors[1][2], 0.2 * sqrt(2)) && near(anchors[1][3], 0.2 / sqrt(2)));
	CHECK(near(anchors[3][0], 1.5 / 19) && near(anchors[3][1], 0.5 / 19));
	CHECK(near(anchors[SSD_ANCHORS - 1][0], 0.5) && near(anchors[SSD_ANCHORS - 1][1], 0.5));
	CHECK(near(anchors[SSD_ANCHORS - 1][2], sqrt(0.95)) && near(anchors[SSD_ANCHORS - 6][2], 0.95));
	finish(output);
}

TEST(a_box_is_told_from_its_anchor)
{
	struct output *output = prepare(0.5f);
	unsigned i = 19 * 9 * 3 + 9 * 3; /* the middle of the first grid, the square of 0.1 */
	output->scores[i][2] = SURE;
	CHECK_EQ(decode(output, 10), 1);
	CHECK_EQ(output->found[0].class_id, 2);
	CHECK(near(output->found[0].score, 0.9));
	CHECK(near(output->found[0].x, 0.45) && near(output->found[0].y, 0.45));
	CHECK(near(output->found[0].w, 0.1) && near(output->found[0].h, 0.1));

	float moved[4] = {10, -5, 5 * logf(2), 0}; /* down by one height, left by half a width, twice as high */
	memcpy(output->boxes[i], moved, sizeof(moved));
	CHECK_EQ(decode(output, 10), 1);
	CHECK(near(output->found[0].x, 0.40) && near(output->found[0].y, 0.50));
	CHECK(near(output->found[0].w, 0.1) && near(output->found[0].h, 0.2));
	finish(output);
}

TEST(the_weaker_of_two_overlapping_boxes_goes_within_a_class_only)
{
	struct output *output = prepare(0.5f);
	unsigned a = 1083, b = 1083 + 1;
	float same[4] = {0, 0, 0, 0};
	const float(*anchors)[4] = ssd_anchors(output->ssd);
	same[2] = 5 * logf(anchors[a][3] / anchors[b][3]);
	same[3] = 5 * logf(anchors[a][2] / anchors[b][2]);
	memcpy(output->boxes[b], same, sizeof(same));
	output->scores[a][1] = SURE - 1;
	output->scores[b][1] = SURE;
	CHECK_EQ(decode(output, 10), 1);
	CHECK(near(output->found[0].score, 0.9));
	output->scores[b][1] = -20;
	output->scores[b][3] = SURE;
	CHECK_EQ(decode(output, 10), 2);
	CHECK_EQ(output->found[0].class_id, 3);
	CHECK_EQ(output->found[1].class_id, 1);
	finish(output);
}

TEST(background_and_what_is_below_the_threshold_is_no_box)
{
	struct output *output = prepare(0.91f);
	output->scores[0][0] = 20;
	output->scores[500][1] = SURE;
	CHECK_EQ(decode(output, 10), 0);
	finish(output);
}

TEST(boxes_are_clipped_to_the_picture)
{
	struct output *output = prepare(0.5f);
	output->scores[1][1] = SURE; /* top left cell, wider than the way to the edge */
	CHECK_EQ(decode(output, 10), 1);
	CHECK(output->found[0].x == 0 && output->found[0].y == 0);
	CHECK(near(output->found[0].w, 0.5 / 19 + 0.1 * sqrt(2)));

	output->boxes[1][0] = -1000; /* altogether outside */
	CHECK_EQ(decode(output, 10), 0);
	finish(output);
}

TEST(numbers_that_are_none_do_no_harm)
{
	struct output *output = prepare(0.0f);
	for (unsigned i = 0; i < SSD_ANCHORS; i++) {
		output->scores[i][1 + i % 3] = i % 2 ? NAN : INFINITY;
		output->boxes[i][i % 4] = i % 3 ? NAN : INFINITY;
	}
	unsigned count = decode(output, SSD_ANCHORS);
	for (unsigned i = 0; i < count; i++) {
		const struct zoe_detection *box = &output->found[i];
		CHECK(box->x >= 0 && box->y >= 0 && box->w > 0 && box->h > 0);
		CHECK(box->x + box->w <= 1.00001f && box->y + box->h <= 1.00001f);
		CHECK(box->score >= 0 && box->score <= 1);
	}
	finish(output);
}

TEST(the_best_come_first_and_no_more_than_there_is_room_for)
{
	struct output *output = prepare(0.5f);
	for (unsigned i = 0; i < 19; i += 2)
		output->scores[i * 3 * 19 + i * 3][1] = 1 + (float)i / 10;
	CHECK_EQ(decode(output, 100), 10);
	for (unsigned i = 1; i < 10; i++)
		CHECK(output->found[i].score < output->found[i - 1].score);
	float best = output->found[0].score;
	CHECK_EQ(decode(output, 3), 3);
	CHECK(output->found[0].score == best);
	finish(output);
}
