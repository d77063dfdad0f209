/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which of a V4L2 device's formats, sizes and rates is taken. Size comes first, then rate, then the format that is
 * wanted, then the order of v4l2_kinds: what a wish costs elsewhere is what nobody would have asked for.
 */
#include "v4l2.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#define FPS_ENOUGH  25 /* of a rate that is not wanted: below that, another format that is faster is better */
#define FPS_UNKNOWN 30 /* the device does not tell */

/* A way to run the device. */
struct way {
	const struct v4l2_kind *kind;
	uint32_t code;
	unsigned width, height;
	double fps; /* 0 = not told */
};

struct search {
	const struct v4l2_device *device;
	unsigned width, height; /* wanted */
	double fps;             /* wanted; 0 = no wish */
	uint32_t format;        /* wanted; 0 = no wish */
	uint32_t code;          /* of the device's formats only that; 0 = any */
	struct way best, now;
	char offered[160]; /* names of all formats */
	bool wanted_offered;
	double raw_fps; /* the best without decoding, at a size no worse; -1 = none */
};

/* ---- what is nearer -------------------------------------------------------------------------------------------- */

/* 0 exactly, below 1 larger (can be scaled down), above that too small. */
static double size_distance(const struct search *search, const struct way *way)
{
	double wanted = (double)search->width * search->height, has = (double)way->width * way->height;
	if (way->width == search->width && way->height == search->height)
		return 0;
	if (way->width >= search->width && way->height >= search->height)
		return 1 - wanted / (has + 1);
	return 1 + wanted / (has + 1);
}

static double rate_missing(const struct search *search, const struct way *way)
{
	double wanted = search->fps > 0 ? search->fps : FPS_ENOUGH;
	return way->fps > 0 && way->fps < wanted * 0.99 ? wanted - way->fps : 0;
}

static bool is_better(const struct search *search, const struct way *a, const struct way *b)
{
	if (!b->kind)
		return true;
	double size_a = size_distance(search, a), size_b = size_distance(search, b);
	if (size_a != size_b)
		return size_a < size_b;
	double rate_a = rate_missing(search, a), rate_b = rate_missing(search, b);
	if (rate_a != rate_b)
		return rate_a < rate_b;
	bool wanted_a = a->kind->format == search->format, wanted_b = b->kind->format == search->format;
	if (wanted_a != wanted_b)
		return wanted_a;
	return a->kind < b->kind;
}

/* ---- what is offered ------------------------------------------------------------------------------------------- */

/* The lowest rate that is enough for the wish, else the highest. */
static void note_rate(struct search *search, double fps)
{
	double wanted = search->fps > 0 ? search->fps : FPS_ENOUGH, had = search->now.fps;
	bool both_enough = fps >= wanted * 0.99 && had >= wanted * 0.99;
	if (had <= 0 || (search->fps > 0 && both_enough ? fps < had : fps > had))
		search->now.fps = fps;
}

static int visit_rate(const struct v4l2_frmivalenum *rate, void *user)
{
	struct search *search = user;
	if (rate->type == V4L2_FRMIVAL_TYPE_DISCRETE) {
		if (rate->discrete.numerator)
			note_rate(search, (double)rate->discrete.denominator / rate->discrete.numerator);
		return 0;
	}
	const struct v4l2_fract *shortest = &rate->stepwise.min, *longest = &rate->stepwise.max;
	if (!shortest->numerator || !longest->numerator)
		return 0;
	double most = (double)shortest->denominator / shortest->numerator;
	double least = (double)longest->denominator / longest->numerator;
	double wanted = search->fps > 0 ? search->fps : most;
	note_rate(search, fmin(fmax(wanted, least), most));
	return 0;
}

static void try_size(struct search *search, unsigned width, unsigned height)
{
	struct way *now = &search->now;
	now->width = width;
	now->height = height;
	now->fps = 0;
	v4l2_each_rate(search->device, now->code, width, height, visit_rate, search);
	bool raw = !now->kind->compressed;
	if (raw && width == search->width && height == search->height)
		search->raw_fps = fmax(search->raw_fps, now->fps);
	if (is_better(search, now, &search->best))
		search->best = *now;
}

static unsigned into_range(unsigned wanted, unsigned least, unsigned most, unsigned step)
{
	unsigned inside = wanted < least ? least : wanted > most ? most : wanted;
	return step > 1 ? least + (inside - least) / step * step : inside;
}

static int visit_size(const struct v4l2_frmsizeenum *size, void *user)
{
	struct search *search = user;
	const struct v4l2_frmsize_stepwise *range = &size->stepwise;
	if (size->type == V4L2_FRMSIZE_TYPE_DISCRETE)
		try_size(search, size->discrete.width, size->discrete.height);
	else
		try_size(search, into_range(search->width, range->min_width, range->max_width, range->step_width),
		         into_range(search->height, range->min_height, range->max_height, range->step_height));
	return 0;
}

static int visit_format(const struct v4l2_fmtdesc *format, void *user)
{
	struct search *search = user;
	char name[5];
	size_t used = strlen(search->offered);
	zoe_format_name(format->pixelformat, name);
	/* As many as fit: some test devices have fifty. */
	if (used + 8 < sizeof(search->offered))
		snprintf(search->offered + used, sizeof(search->offered) - used, "%s%s", used ? ", " : "", name);
	const struct v4l2_kind *kind = v4l2_kind_find(format->pixelformat);
	if (!kind || (search->code && search->code != format->pixelformat))
		return 0;
	search->wanted_offered |= kind->format == search->format;
	search->now = (struct way){.kind = kind, .code = format->pixelformat};
	v4l2_each_size(search->device, format->pixelformat, visit_size, search);
	if (search->now.width == 0) /* it does not list sizes, and will say what it makes of ours */
		try_size(search, search->width, search->height);
	return 0;
}

/* ---- set it ------------------------------------------------------------------------------------------------------ */

static int set_format(const struct v4l2_device *device, const struct way *way, struct v4l2_choice *out)
{
	struct v4l2_format format = {.type = device->type};
	struct v4l2_pix_format *one = &format.fmt.pix;
	struct v4l2_pix_format_mplane *many = &format.fmt.pix_mp;
	if (device->planes)
		*many = (struct v4l2_pix_format_mplane){.width = way->width,
		                                        .height = way->height,
		                                        .pixelformat = way->code,
		                                        .field = V4L2_FIELD_NONE,
		                                        .num_planes = (uint8_t)way->kind->memory_planes};
	else
		*one = (struct v4l2_pix_format){
		    .width = way->width, .height = way->height, .pixelformat = way->code, .field = V4L2_FIELD_NONE};
	int status = v4l2_ioctl(device, VIDIOC_S_FMT, &format);
	if (status < 0)
		return status;
	*out = (struct v4l2_choice){.kind = v4l2_kind_find(device->planes ? many->pixelformat : one->pixelformat),
	                            .width = device->planes ? many->width : one->width,
	                            .height = device->planes ? many->height : one->height,
	                            .memory_planes = device->planes ? many->num_planes : 1,
	                            .colorspace = device->planes ? many->colorspace : one->colorspace,
	                            .encoding = device->planes ? many->ycbcr_enc : one->ycbcr_enc,
	                            .quantization = device->planes ? many->quantization : one->quantization};
	for (unsigned i = 0; i < out->memory_planes && i < VIDEO_MAX_PLANES; i++) {
		out->strides[i] = device->planes ? many->plane_fmt[i].bytesperline : one->bytesperline;
		out->sizes[i] = device->planes ? many->plane_fmt[i].sizeimage : one->sizeimage;
	}
	return out->kind && out->memory_planes == out->kind->memory_planes ? 0 : -EPROTO;
}

/* Many devices have no rate to set. */
static double set_rate(const struct v4l2_device *device, const struct way *way)
{
	struct v4l2_streamparm rate = {.type = device->type};
	struct v4l2_fract *period = &rate.parm.capture.timeperframe;
	if (way->fps > 0)
		*period = (struct v4l2_fract){.numerator = 1000, .denominator = (uint32_t)lround(way->fps * 1000)};
	int status = v4l2_ioctl(device, way->fps > 0 ? VIDIOC_S_PARM : VIDIOC_G_PARM, &rate);
	if (status == 0 && period->numerator && period->denominator)
		return (double)period->denominator / period->numerator;
	return way->fps > 0 ? way->fps : FPS_UNKNOWN;
}

static void say_why(const struct search *search, struct v4l2_choice *out)
{
	char size[64] = "", code[5];
	const char *format = "the least work of those offered";
	zoe_format_name(out->kind->code, code);
	if (search->code || (search->format && out->kind->format == search->format))
		format = "as wanted";
	else if (search->format && !search->wanted_offered)
		format = "the wanted format is not offered, so it is converted";
	else if (search->format)
		format = "the wanted format is offered only smaller or slower, so it is converted";
	else if (out->kind->compressed && search->raw_fps >= 0)
		format = "uncompressed it would be slower";
	else if (out->kind->compressed)
		format = "uncompressed it is smaller or slower";
	if (out->width != search->width || out->height != search->height)
		snprintf(size, sizeof(size), "; nearest to %ux%u", search->width, search->height);
	snprintf(out->why, sizeof(out->why), "%s %ux%u at %g from %s (%s%s)", code, out->width, out->height,
	         round(out->fps * 100) / 100, search->device->card, format, size);
}

/* The size that is wanted, or what the device is set to. A crop is of the device's picture. */
static int wanted_size(const struct v4l2_device *device, const struct camera_request *request, struct search *search)
{
	const struct area *crop = &request->crop;
	struct v4l2_format now = {.type = device->type};
	int status = v4l2_ioctl(device, VIDIOC_G_FMT, &now);
	if (status < 0)
		return status;
	double width = device->planes ? now.fmt.pix_mp.width : now.fmt.pix.width;
	double height = device->planes ? now.fmt.pix_mp.height : now.fmt.pix.height;
	double wide = crop->width > 0 ? crop->width : 1, high = crop->width > 0 ? crop->height : 1;
	double ratio = height > 0 ? width / height : 4.0 / 3;
	if (request->width)
		width = request->width / wide;
	if (request->height)
		height = request->height / high;
	if (request->width && !request->height)
		height = width / ratio;
	if (request->height && !request->width)
		width = height * ratio;
	search->width = (unsigned)lround(width);
	search->height = (unsigned)lround(height);
	return 0;
}

/* Of "/dev/video0?format=MJPG" the device's own format that is wanted. Returns 0 | -EINVAL with a sentence */
static int wanted_code(const struct camera_request *request, uint32_t *out, char *error)
{
	const char *query = request->source ? strchr(request->source, '?') : NULL;
	char code[4] = "    ";
	if (!query)
		return 0;
	size_t length = strncmp(query, "?format=", 8) == 0 ? strlen(query + 8) : 0;
	if (length < 1 || length > 4) {
		snprintf(error, CAMERA_ERROR_BYTES,
		         "%s: wanted ?format= and four letters that `zoetrope devices` prints, found '%.60s'",
		         request->shown, query);
		return -EINVAL;
	}
	memcpy(code, query + 8, length);
	*out =
	    ZOE_FOURCC((unsigned char)code[0], (unsigned char)code[1], (unsigned char)code[2], (unsigned char)code[3]);
	return 0;
}

int v4l2_choose(const struct v4l2_device *device, const struct camera_request *request, struct v4l2_choice *out,
                char *error)
{
	struct search search = {.device = device, .fps = request->fps, .format = request->format, .raw_fps = -1};
	int status = wanted_code(request, &search.code, error);
	if (status < 0)
		return status;
	status = wanted_size(device, request, &search);
	if (status < 0)
		return v4l2_fail(device, status, "ask for its picture size", error);
	v4l2_each_format(device, visit_format, &search);
	if (!search.best.kind && search.code) {
		snprintf(error, CAMERA_ERROR_BYTES,
		         "%s (%s) does not offer the format wanted in '%.100s'; it offers %s", device->path,
		         device->card, request->shown, search.offered);
		return -EINVAL;
	}
	if (!search.best.kind) {
		snprintf(
		    error, CAMERA_ERROR_BYTES,
		    "%s (%s) offers only %s; wanted one of NV12, YU12, YUYV, UYVY, 422P, RGB3, BGR3, GREY, MJPG, H264",
		    device->path, device->card, *search.offered ? search.offered : "no format at all");
		return -ENOTSUP;
	}
	struct v4l2_choice choice = {0};
	status = set_format(device, &search.best, &choice);
	if (status == -EPROTO) {
		snprintf(error, CAMERA_ERROR_BYTES, "%s (%s) offers %s, but does not take what of it was chosen",
		         device->path, device->card, search.offered);
		return -EIO;
	}
	if (status < 0)
		return v4l2_fail(device, status, "set format and size", error);
	search.best.width = choice.width;
	search.best.height = choice.height;
	choice.fps = set_rate(device, &search.best);
	say_why(&search, &choice);
	*out = choice;
	return 0;
}
