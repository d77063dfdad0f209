/* SPDX-License-Identifier: Apache-2.0 */
/* Labels of boxes: within the picture, and none on another. */
#include "check.h"
#include "roles/label.h"

TEST(above_below_inside)
{
	struct labels labels = {.width = 640, .height = 480};
	struct label_rect place;
	CHECK(label_place(&labels, &(struct label_rect){100, 100, 50, 80}, 90, 16, &place));
	CHECK_EQ(place.x, 100);
	CHECK_EQ(place.y, 84);
	CHECK(label_place(&labels, &(struct label_rect){300, 5, 50, 80}, 90, 16, &place));
	CHECK_EQ(place.y, 85);
	CHECK(label_place(&labels, &(struct label_rect){500, 5, 50, 475}, 90, 16, &place));
	CHECK_EQ(place.y, 5);
}

TEST(never_beyond_an_edge)
{
	struct labels labels = {.width = 640, .height = 480};
	struct label_rect place;
	CHECK(label_place(&labels, &(struct label_rect){600, 100, 40, 80}, 90, 16, &place));
	CHECK_EQ(place.x, 550);
	CHECK(label_place(&labels, &(struct label_rect){10, 100, 40, 80}, 700, 16, &place));
	CHECK_EQ(place.x, 0);
	CHECK(!label_place(&labels, &(struct label_rect){0, 0, 640, 480}, 90, 500, &place));
}

TEST(never_on_another)
{
	struct labels labels = {.width = 640, .height = 480};
	struct label_rect place[LABELS_MOST + 2];
	unsigned placed = 0;
	for (int i = 0; i < 40; i++) /* in a crowd */
		placed += label_place(&labels, &(struct label_rect){100 + i * 7 % 60, 100 + i * 11 % 60, 40, 60}, 90,
		                      16, &place[placed]);
	printf("measured: %u of 40 labels found a place\n", placed);
	CHECK(placed >= 5);
	for (unsigned i = 0; i < placed; i++)
		for (unsigned k = 0; k < i; k++)
			CHECK(place[i].x >= place[k].x + 90 || place[k].x >= place[i].x + 90 ||
			      place[i].y >= place[k].y + 16 || place[k].y >= place[i].y + 16);
}

TEST(a_limit_of_them)
{
	struct labels labels = {.width = 100000, .height = 480};
	struct label_rect place;
	for (long i = 0; i < LABELS_MOST; i++)
		CHECK(label_place(&labels, &(struct label_rect){i * 200, 100, 50, 80}, 90, 16, &place));
	CHECK(!label_place(&labels, &(struct label_rect){LABELS_MOST * 200, 100, 50, 80}, 90, 16, &place));
}
