/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Parts of a picture that a detector looks at, and how what was found in them becomes one result: boxes are told in the whole
 * picture again, an object that two parts have is one, and where nothing was looked at the boxes of the last result stand.
 */
#ifndef ZOETROPE_DETECTOR_AREAS_H
#define ZOETROPE_DETECTOR_AREAS_H

#include "common/options.h"
#include "convert/area.h"
#include "detector_engine.h"

#define AREAS_MAX 16

struct areas {
	unsigned count;
	struct area items[AREAS_MAX];
};

/* Read regions; none gives the whole picture as the one area. Returns 0 | -EINVAL with a sentence in
 * error[ZOE_DETECTOR_ERROR_BYTES]. */
int areas_read(const struct option_list *regions, struct areas *out, char *error);

/* Read motion_ignore; none gives none. Returns as above. */
int areas_read_ignored(const struct option_list *ignored, struct areas *out, char *error);

/* Boxes of several parts of one picture. */
struct areas_found {
	unsigned parts; /* added */
	unsigned count;
	struct zoe_detection boxes[ZOE_DETECTIONS_MAX];
	uint8_t area[ZOE_DETECTIONS_MAX]; /* which part it is of */
	bool cut[ZOE_DETECTIONS_MAX];     /* the part's edge, inside of the picture, goes through it */
};

/*
 * Add what was found in one part; the best ones, as long as there is room.
 *
 * area  its number
 * part  where it really is, in pixels of the picture: corners are even
 */
void areas_add(struct areas_found *found, unsigned area, const struct area *part, const struct detector_result *result);

/* Of the boxes that are one object the best one, best score first. */
void areas_merge(struct areas_found *found, struct detector_result *out);

/* Add boxes of an earlier result whose middles lie in none of the areas: there nothing has moved. */
void areas_carry(const struct areas *looked, const struct detector_result *earlier, struct detector_result *result);

/*
 * Where to look when something has moved: the regions in which it did; or, if there are none, a part of the picture's own
 * shape around all of it, and around whatever of the last result it touches. Never more than without the gate.
 *
 * regions  as areas_read() gives them
 * moved    count >= 1 boxes
 */
void areas_around(const struct areas *regions, const struct zoe_detection *moved, unsigned count,
                  const struct detector_result *earlier, struct areas *out);

#endif
