/* SPDX-License-Identifier: Apache-2.0 */
/* Pictures: planes and strides of each pixel format. One table; nothing here knows the transport. */
#include "error.h"
#include "zoetrope.h"

#include <errno.h>

#define SIDE_MAX 16384u

/* One plane: a group of `across` x `down` pixels takes `bytes`. */
struct plane_rule {
	uint8_t across, down, bytes;
};

struct format_rule {
	uint32_t format;
	unsigned planes;
	struct plane_rule plane[3];
};

static const struct format_rule formats[] = {
    {ZOE_FORMAT_GREY, 1, {{1, 1, 1}}},
    {ZOE_FORMAT_I420, 3, {{1, 1, 1}, {2, 2, 1}, {2, 2, 1}}},
    {ZOE_FORMAT_I422, 3, {{1, 1, 1}, {2, 1, 1}, {2, 1, 1}}},
    {ZOE_FORMAT_I444, 3, {{1, 1, 1}, {1, 1, 1}, {1, 1, 1}}},
    {ZOE_FORMAT_NV12, 2, {{1, 1, 1}, {2, 2, 2}}},
    {ZOE_FORMAT_YUYV, 1, {{2, 1, 4}}},
    {ZOE_FORMAT_UYVY, 1, {{2, 1, 4}}},
    {ZOE_FORMAT_RGB24, 1, {{1, 1, 3}}},
    {ZOE_FORMAT_BGR24, 1, {{1, 1, 3}}},
};

static const struct format_rule *format_find(uint32_t format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++) {
		if (formats[i].format == format)
			return &formats[i];
	}
	return NULL;
}

static uint64_t row_bytes(const struct plane_rule *rule, uint32_t width)
{
	return (uint64_t)(width + rule->across - 1) / rule->across * rule->bytes;
}

static uint64_t rows(const struct plane_rule *rule, uint32_t height)
{
	return (uint64_t)(height + rule->down - 1) / rule->down;
}

static int check_size(const struct zoe_image *image)
{
	char name[5];

	if (image->width >= 1 && image->width <= SIDE_MAX && image->height >= 1 && image->height <= SIDE_MAX)
		return 0;
	zoe_format_name(image->format, name);
	return zi_fail(-EINVAL, "picture %s is %ux%u; each side must be 1 to %u pixels", name, image->width,
	               image->height, SIDE_MAX);
}

int64_t zoe_image_layout(struct zoe_image *image, unsigned align)
{
	const struct format_rule *rule = format_find(image->format);
	uint64_t offset = 0;
	char name[5];

	if (!rule) {
		zoe_format_name(image->format, name);
		return zi_fail(-EINVAL, "format %s has no planes to lay out", name);
	}
	if (align < 1 || align > 4096 || (align & (align - 1)))
		return zi_fail(-EINVAL, "alignment %u is not a power of two from 1 to 4096", align);
	if (check_size(image) < 0)
		return -EINVAL;
	image->plane_count = rule->planes;
	for (unsigned i = 0; i < ZOE_PLANES_MAX; i++)
		image->planes[i] = (struct zoe_plane){0};
	for (unsigned i = 0; i < rule->planes; i++) {
		uint64_t stride = (row_bytes(&rule->plane[i], image->width) + align - 1) & ~(uint64_t)(align - 1);

		image->planes[i] = (struct zoe_plane){.offset = offset, .stride = (uint32_t)stride};
		offset += stride * rows(&rule->plane[i], image->height);
	}
	return (int64_t)offset;
}

static int check_plane(const struct zoe_image *image, const struct plane_rule *rule, unsigned i, size_t size)
{
	const struct zoe_plane *plane = &image->planes[i];
	uint64_t row = row_bytes(rule, image->width);
	uint64_t bytes = (uint64_t)plane->stride * (rows(rule, image->height) - 1) + row;
	char name[5];

	if (plane->stride >= row && plane->offset <= size && bytes <= size - plane->offset)
		return 0;
	zoe_format_name(image->format, name);
	return zi_fail(-EINVAL,
	               "plane %u of a %s picture of %ux%u (offset %llu, stride %u) needs rows of %llu bytes and %llu "
	               "bytes in all, but the frame has %zu",
	               i, name, image->width, image->height, (unsigned long long)plane->offset, plane->stride,
	               (unsigned long long)row, (unsigned long long)bytes, size);
}

int zoe_image_check(const struct zoe_image *image, size_t size)
{
	char name[5];

	if (image->format == ZOE_FORMAT_NONE)
		return 0;
	if (image->format == ZOE_FORMAT_MJPEG)
		return check_size(image);
	const struct format_rule *rule = format_find(image->format);

	zoe_format_name(image->format, name);
	if (!rule)
		return zi_fail(-EINVAL, "pixel format %s is not one of enum zoe_format", name);
	if (image->plane_count != rule->planes)
		return zi_fail(-EINVAL, "a %s picture has %u planes, not %u", name, rule->planes, image->plane_count);
	if (check_size(image) < 0)
		return -EINVAL;
	for (unsigned i = 0; i < rule->planes; i++) {
		if (check_plane(image, &rule->plane[i], i, size) < 0)
			return -EINVAL;
	}
	return 0;
}

void zoe_format_name(uint32_t format, char out_name[5])
{
	for (unsigned i = 0; i < 4; i++) {
		char c = (char)(format >> (8 * i));

		out_name[i] = c >= ' ' && c <= '~' ? c : '.';
	}
	out_name[4] = '\0';
}
