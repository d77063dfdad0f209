/* SPDX-License-Identifier: Apache-2.0 */
/* See jpeg_picture.h. */
#include "jpeg_picture.h"

#include "convert/picture.h"
#include "libav.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct jpeg_reader {
	struct jpeg *jpeg;
	struct scratch scratch;
};

size_t jpeg_length(const void *data, size_t bytes)
{
	static const uint8_t begin[] = {0xff, 0xd8}, end[] = {0xff, 0xd9};
	const uint8_t *at = data;
	if (bytes <= sizeof(begin) || memcmp(at, begin, sizeof(begin)) != 0)
		return 0;
	for (size_t length = bytes; length > sizeof(end); length--)
		if (memcmp(at + length - sizeof(end), end, sizeof(end)) == 0)
			return length;
	return bytes; /* some leave the end out, and decoders do not mind */
}

int jpeg_read(struct jpeg_reader **reader, const void *data, size_t bytes, AVFrame *out)
{
	struct picture picture;
	if (!*reader)
		*reader = calloc(1, sizeof(**reader));
	if (!*reader)
		return -ENOMEM;
	int status = unpack_jpeg(&(*reader)->jpeg, data, bytes, &(*reader)->scratch, &picture);
	if (status < 0)
		return status;
	av_frame_unref(out);
	out->format = picture_format(picture.format);
	out->width = picture.width;
	out->height = picture.height;
	out->color_range = AVCOL_RANGE_JPEG;
	out->colorspace = AVCOL_SPC_SMPTE170M;
	for (int i = 0; i < 3; i++) {
		out->data[i] = picture.planes[i];
		out->linesize[i] = picture.strides[i];
	}
	return 0;
}

void jpeg_reader_destroy(struct jpeg_reader *reader)
{
	if (!reader)
		return;
	unpack_jpeg_end(reader->jpeg);
	free(reader->scratch.data);
	free(reader);
}
