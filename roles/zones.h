/* SPDX-License-Identifier: Apache-2.0 */
/* Parts of a picture that have names: polygons. */
#ifndef ZOETROPE_ZONES_H
#define ZOETROPE_ZONES_H

#include <stdbool.h>
#include <stddef.h>

#include "common/options.h"

#define ZONES_MAX        64
#define ZONE_POINTS_MAX  32
#define ZONE_NAME_BYTES  32
#define ZONE_ERROR_BYTES 256

struct zone {
	char name[ZONE_NAME_BYTES];
	unsigned count;
	float points[ZONE_POINTS_MAX][2]; /* x y, fractions of the picture */
};

/*
 * Read "NAME=x y, x y, x y" of each item.
 *
 * Returns how many | -EINVAL with a sentence in error[ZONE_ERROR_BYTES]
 */
int zones_read(const struct option_list *list, struct zone zones[ZONES_MAX], char *error);

/* Is the point inside? */
bool zone_has(const struct zone *zone, float x, float y);

#endif
