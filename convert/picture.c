/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures in scratch memory: sizes of chroma planes, and memory that grows to what was needed most. */
#include "picture.h"

#include <errno.h>
#include <stdlib.h>

/* libyuv and libjpeg-turbo read and write whole vectors; nothing is known to go past a row's end, and this keeps it
 * harmless. */
#define SCRATCH_SPARE 64

void picture_chroma_size(enum zoe_format format, int width, int height, int *out_width, int *out_height)
{
	*out_width = format == ZOE_FORMAT_I444 ? width : (width + 1) / 2;
	*out_height = format == ZOE_FORMAT_I420 || format == ZOE_FORMAT_NV12 ? (height + 1) / 2 : height;
}

int scratch_reserve(struct scratch *scratch, size_t bytes)
{
	if (scratch->size >= bytes)
		return 0;
	uint8_t *data = aligned_alloc(64, (bytes + SCRATCH_SPARE + 63) & ~(size_t)63);
	if (!data)
		return -ENOMEM;
	free(scratch->data);
	scratch->data = data;
	scratch->size = bytes;
	return 0;
}

int picture_allocate(struct picture *picture, struct scratch *scratch, unsigned align)
{
	struct zoe_image layout = {.format = picture->format, .width = picture->width, .height = picture->height};
	int64_t bytes = zoe_image_layout(&layout, align);
	if (bytes < 0)
		return (int)bytes;
	int status = scratch_reserve(scratch, (size_t)bytes);
	if (status < 0)
		return status;
	for (unsigned i = 0; i < layout.plane_count && i < 3; i++) {
		picture->planes[i] = scratch->data + layout.planes[i].offset;
		picture->strides[i] = (int)layout.planes[i].stride;
	}
	return 0;
}
