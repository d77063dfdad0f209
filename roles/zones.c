/* SPDX-License-Identifier: Apache-2.0 */
/* See zones.h. A point is inside if a line from it to the right crosses the border an odd number of times. */
#include "zones.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static int refuse(const char *item, const char *why, char *error)
{
	snprintf(error, ZONE_ERROR_BYTES,
	         "key 'zones': wanted NAME: \"x y, x y, x y\" with fractions of the picture, found '%.80s': %s", item,
	         why);
	return -EINVAL;
}

static int read_zone(const char *item, struct zone *out, char *error)
{
	size_t length = strcspn(item, "=");
	if (!item[length] || length == 0 || length >= sizeof(out->name))
		return refuse(item, "a name has 1 to 31 bytes", error);
	memcpy(out->name, item, length);
	for (const char *at = item + length + 1; *at;) {
		float x, y;
		int used = 0;
		if (sscanf(at, " %f %f %n", &x, &y, &used) != 2 || (at[used] && at[used] != ','))
			return refuse(item, "this is no list of points", error);
		if (!(x >= 0 && x <= 1 && y >= 0 && y <= 1))
			return refuse(item, "a point lies outside of 0 to 1", error);
		if (out->count == ZONE_POINTS_MAX)
			return refuse(item, "32 points are the most", error);
		out->points[out->count][0] = x;
		out->points[out->count++][1] = y;
		at += used + (at[used] == ',');
	}
	return out->count < 3 ? refuse(item, "three points are the least", error) : 0;
}

int zones_read(const struct option_list *list, struct zone zones[ZONES_MAX], char *error)
{
	if (list->count > ZONES_MAX)
		return refuse(list->items[ZONES_MAX], "64 zones are the most", error);
	for (size_t i = 0; i < list->count; i++) {
		zones[i] = (struct zone){.count = 0};
		int status = read_zone(list->items[i], &zones[i], error);
		if (status < 0)
			return status;
	}
	return (int)list->count;
}

bool zone_has(const struct zone *zone, float x, float y)
{
	bool inside = false;
	for (unsigned i = 0, before = zone->count - 1; i < zone->count; before = i++) {
		const float *a = zone->points[i], *b = zone->points[before];
		if ((a[1] > y) != (b[1] > y) && x < (b[0] - a[0]) * (y - a[1]) / (b[1] - a[1]) + a[0])
			inside = !inside;
	}
	return inside;
}
