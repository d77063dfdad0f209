/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decodes an SSD's output from standard input, so that a test can compare with another computation.
 *
 *   decode_ssd CLASSES THRESHOLD ROOM < boxes (float32 [SSD_ANCHORS][4]), scores (float32 [SSD_ANCHORS][CLASSES])
 *
 * Prints first SSD_ANCHORS lines "x y w h", the anchors, then a line "class score x y w h" for each box.
 */
#include <stdio.h>
#include <stdlib.h>

#include "drivers/detector/ssd.h"

int main(int argc, char **argv)
{
	if (argc != 4)
		return 2;
	unsigned classes = (unsigned)atoi(argv[1]), room = (unsigned)atoi(argv[3]);
	struct ssd *ssd = NULL;
	float *boxes = calloc(SSD_ANCHORS, 4 * sizeof(float));
	float *scores = calloc(SSD_ANCHORS, classes * sizeof(float));
	struct zoe_detection *out = calloc(room, sizeof(*out));
	int status = 1;
	if (!boxes || !scores || !out || ssd_create(classes, (float)atof(argv[2]), &ssd) < 0 ||
	    fread(boxes, 4 * sizeof(float), SSD_ANCHORS, stdin) != SSD_ANCHORS ||
	    fread(scores, classes * sizeof(float), SSD_ANCHORS, stdin) != SSD_ANCHORS)
		goto end;
	const float(*anchors)[4] = ssd_anchors(ssd);
	for (unsigned i = 0; i < SSD_ANCHORS; i++)
		printf("%.9g %.9g %.9g %.9g\n", (double)anchors[i][0], (double)anchors[i][1], (double)anchors[i][2],
		       (double)anchors[i][3]);
	unsigned count = ssd_decode(ssd, boxes, scores, out, room);
	for (unsigned i = 0; i < count; i++)
		printf("%u %.9g %.9g %.9g %.9g %.9g\n", out[i].class_id, (double)out[i].score, (double)out[i].x,
		       (double)out[i].y, (double)out[i].w, (double)out[i].h);
	status = 0;
end:
	ssd_destroy(ssd);
	free(out);
	free(scores);
	free(boxes);
	return status;
}
