/* SPDX-License-Identifier: Apache-2.0 */
/* See label.h. The page (web/camera.js) has the same places. */
#include "label.h"

static bool label_fits(const struct labels *labels, const struct label_rect *place)
{
	if (place->y < 0 || place->y + place->h > labels->height)
		return false;
	for (unsigned i = 0; i < labels->count; i++) {
		const struct label_rect *other = &labels->placed[i];
		if (place->x < other->x + other->w && other->x < place->x + place->w &&
		    place->y < other->y + other->h && other->y < place->y + place->h)
			return false;
	}
	return true;
}

bool label_place(struct labels *labels, const struct label_rect *box, long w, long h, struct label_rect *out)
{
	long right = labels->width - w, left = box->x < right ? box->x : right;
	const long tops[] = {box->y - h, box->y + box->h, box->y};
	if (labels->count == LABELS_MOST)
		return false;
	for (unsigned i = 0; i < sizeof(tops) / sizeof(tops[0]); i++) {
		const struct label_rect place = {left > 0 ? left : 0, tops[i], w, h};
		if (!label_fits(labels, &place))
			continue;
		*out = labels->placed[labels->count++] = place;
		return true;
	}
	return false;
}
