/* SPDX-License-Identifier: Apache-2.0 */
/* Where labels of boxes stand: above the box, else below it, else inside, within the picture, and on no other label. */
#ifndef ROLES_LABEL_H
#define ROLES_LABEL_H

#include <stdbool.h>

#define LABELS_MOST 64 /* of a picture; more would cover it */

struct label_rect {
	long x, y, w, h;
};

struct labels {
	long width, height; /* of the picture */
	unsigned count;
	struct label_rect placed[LABELS_MOST];
};

/* Find a place for a label of that size; false: there is none, leave it out. */
bool label_place(struct labels *labels, const struct label_rect *box, long w, long h, struct label_rect *out);

#endif
