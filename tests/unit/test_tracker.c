/* SPDX-License-Identifier: Apache-2.0 */
/* Tracks and zones, by cases that can be followed by hand: results come 5 times a second. */
#include <string.h>

#include "check.h"
#include "roles/tracker.h"
#include "roles/zones.h"

#define STEP_NS 200000000
#define LOST_NS 1000000000
#define SURE    0.5f

static struct tracker tracker;
static int64_t now_ns;

static struct zoe_detection box(float x, float y, float score, uint32_t class_id)
{
	return (struct zoe_detection){.x = x, .y = y, .w = 0.1f, .h = 0.2f, .score = score, .class_id = class_id};
}

static void begin(void)
{
	tracker = (struct tracker){0};
	now_ns = 1000000000000;
}

static void result(struct zoe_detection *boxes, unsigned count)
{
	now_ns += STEP_NS;
	tracker_update(&tracker, boxes, count, now_ns, SURE, LOST_NS);
}

TEST(one_box_is_no_object_two_are)
{
	begin();
	struct zoe_detection once = box(0.1f, 0.1f, 0.9f, 0), again = box(0.11f, 0.1f, 0.9f, 0);
	result(&once, 1);
	CHECK_EQ(once.track_id, 0);
	result(&again, 1);
	CHECK_EQ(again.track_id, 1);
	CHECK_EQ(tracker.count, 1);
}

/* They walk towards each other, meet, and go on: who is foreseen to go right is not given the one that goes left. */
TEST(two_that_cross_keep_their_numbers)
{
	begin();
	for (int i = 0; i < 30; i++) {
		float right = 0.1f + 0.025f * (float)i, left = 0.85f - 0.025f * (float)i;
		struct zoe_detection boxes[] = {box(right, 0.4f, 0.9f, 0), box(left, 0.43f, 0.9f, 0)};
		result(boxes, 2);
		if (i > 0) {
			CHECK_EQ(boxes[0].track_id, 1);
			CHECK_EQ(boxes[1].track_id, 2);
		}
	}
	CHECK_EQ(tracker.count, 2);
}

TEST(hidden_for_a_while_it_is_the_same_one)
{
	begin();
	for (int i = 0; i < 20; i++) {
		struct zoe_detection one = box(0.1f + 0.03f * (float)i, 0.4f, 0.9f, 0);
		result(&one, i < 8 || i > 11);
		if (i > 11)
			CHECK_EQ(one.track_id, 1);
	}
}

TEST(not_seen_for_too_long_it_has_gone)
{
	begin();
	struct zoe_detection one = box(0.1f, 0.4f, 0.9f, 0);
	result(&one, 1);
	result(&one, 1);
	for (int i = 0; i < 5; i++) {
		result(NULL, 0);
		CHECK(!tracker.tracks[0].ended);
	}
	result(NULL, 0);
	CHECK_EQ(tracker.count, 1);
	CHECK(tracker.tracks[0].ended);
	result(&one, 1);
	CHECK_EQ(tracker.count, 1); /* the old one is forgotten, a new one begins */
	result(&one, 1);
	CHECK_EQ(one.track_id, 2);
}

TEST(a_weak_box_goes_on_with_a_track_and_begins_none)
{
	begin();
	struct zoe_detection weak = box(0.5f, 0.5f, 0.4f, 0), strong = box(0.1f, 0.1f, 0.9f, 0);
	result(&weak, 1);
	result(&weak, 1);
	CHECK_EQ(tracker.count, 0);
	result(&strong, 1);
	result(&strong, 1);
	strong.score = 0.4f;
	result(&strong, 1);
	CHECK_EQ(strong.track_id, 1);
}

TEST(classes_are_kept_apart)
{
	begin();
	for (int i = 0; i < 3; i++) {
		struct zoe_detection boxes[] = {box(0.4f, 0.4f, 0.9f, 1), box(0.4f, 0.4f, 0.8f, 2)};
		result(boxes, 2);
		CHECK_EQ(boxes[0].track_id, i ? 1 : 0);
		CHECK_EQ(boxes[1].track_id, i ? 2 : 0);
	}
}

TEST(as_many_as_there_is_room_for)
{
	begin();
	struct zoe_detection boxes[ZOE_DETECTIONS_MAX];
	for (int round = 0; round < 3; round++) {
		for (unsigned i = 0; i < ZOE_DETECTIONS_MAX; i++)
			boxes[i] = (struct zoe_detection){.x = (float)(i % 16) / 16,
			                                  .y = (float)(i / 16) / 16,
			                                  .w = 0.05f,
			                                  .h = 0.05f,
			                                  .score = 0.9f,
			                                  .class_id = (uint32_t)round};
		result(boxes, ZOE_DETECTIONS_MAX);
		CHECK_EQ(tracker.count, TRACKS_MAX);
	}
}

static int read_zone(const char *text, struct zone *zones, char *error)
{
	char *items[] = {(char *)text};
	return zones_read(&(struct option_list){items, 1}, zones, error);
}

TEST(zones)
{
	static struct zone zones[ZONES_MAX];
	char error[ZONE_ERROR_BYTES];
	CHECK_EQ(read_zone("yard=0.1 0.1, 0.9 0.1, 0.9 0.9, 0.5 0.3, 0.1 0.9", zones, error), 1);
	CHECK(!strcmp(zones[0].name, "yard") && zones[0].count == 5);
	CHECK(zone_has(&zones[0], 0.2f, 0.2f) && zone_has(&zones[0], 0.85f, 0.7f) && zone_has(&zones[0], 0.15f, 0.7f));
	CHECK(!zone_has(&zones[0], 0.5f, 0.6f)); /* the notch */
	CHECK(!zone_has(&zones[0], 0.95f, 0.2f) && !zone_has(&zones[0], 0.5f, 0.05f));
	static const char *const wrong[][2] = {{"yard", "a name has"},
	                                       {"=0 0,1 0,1 1", "a name has"},
	                                       {"yard=0 0, 1 1", "three points are the least"},
	                                       {"yard=0 0, 1 1, 2 0", "outside of 0 to 1"},
	                                       {"yard=0 0, 1, 1 0", "no list of points"},
	                                       {"yard=0 0 1 1 1 0", "no list of points"}};
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		CHECK(read_zone(wrong[i][0], zones, error) < 0);
		CHECK_HAS(error, wrong[i][1]);
	}
}
