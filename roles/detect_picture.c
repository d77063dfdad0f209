/* SPDX-License-Identifier: Apache-2.0 */
/*
 * See detect_picture.h. A driver writes into slots of a topic; so the picture goes through one, in a domain that lasts as
 * long as that takes.
 */
#include "detect_picture.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "convert/convert.h"
#include "drivers/camera/camera_driver.h"
#include "drivers/encoder/encoder.h"
#include "overlay.h"

#define QUALITY 90 /* JPEG */

static int fail(char *error, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));
static int fail(char *error, int status, const char *format, ...)
{
	va_list arguments;
	va_start(arguments, format);
	vsnprintf(error, DETECT_ERROR_BYTES, format, arguments);
	va_end(arguments);
	return status;
}

/* ---- reading ------------------------------------------------------------------------------------------------ */

static int copy_frame(const struct zoe_frame *frame, struct detect_picture *out)
{
	out->data = malloc(frame->size);
	if (!out->data)
		return -ENOMEM;
	memcpy(out->data, frame->data, frame->size);
	out->size = frame->size;
	out->image = frame->image;
	return 0;
}

/* One frame of the driver through a topic of the domain. */
static int play_once(struct zoe_domain *domain, const char *path, struct detect_picture *out, char *error)
{
	struct camera_interrupt never = {.fd = -1};
	const struct camera_request request = {
	    .uri = path, .source = path, .shown = path, .decoder = "", .interrupt = &never};
	struct camera_mode mode;
	struct zoe_publisher *publisher = NULL;
	struct zoe_subscriber *subscriber = NULL;
	struct zoe_frame frame;
	void *state = NULL;
	int64_t due_ns;
	int status = camera_file.open(&request, &mode, &state, error);
	if (status < 0)
		return status;
	struct camera_pace pace = {.start_ns = zoe_now_ns(), .period_ns = (int64_t)(1e9 / mode.fps)};
	struct zoe_topic_options options = {
	    .slot_bytes = mode.slot_bytes, .loans = mode.loans, .keeps = mode.keeps, .depth = 1};
	status = zoe_publisher_open(domain, "picture", &options, &publisher);
	if (status == 0) {
		camera_file.attach(state, &(struct camera_topics){.frames = publisher});
		status = camera_file.next(state, &pace, &due_ns, error);
	}
	if (status == 0)
		status = camera_file.publish(state, zoe_now_ns(), NULL);
	if (status == 0)
		status = zoe_subscriber_open(domain, "picture", NULL, &subscriber);
	if (status == 0)
		status = zoe_take_latest(subscriber, 0, &frame);
	if (status == 0) {
		status = copy_frame(&frame, out);
		zoe_release(subscriber, &frame);
	}
	camera_file.close(state);
	zoe_subscriber_close(subscriber);
	zoe_publisher_close(publisher);
	return status;
}

int detect_picture_read(const char *path, struct detect_picture *out, char *error)
{
	char folder[] = "/dev/shm/zoetrope-detect-XXXXXX";
	struct zoe_domain *domain = NULL;
	*out = (struct detect_picture){.path = path};
	error[0] = '\0';
	if (!mkdtemp(folder))
		return fail(error, -errno, "cannot make a folder in /dev/shm: %s", strerror(errno));
	int status = zoe_domain_open(folder, &domain);
	if (status == 0)
		status = play_once(domain, path, out, error);
	if (status < 0 && !error[0])
		fail(error, status, "%s: %s", path, zoe_error());
	zoe_domain_close(domain);
	rmdir(folder);
	return status;
}

void detect_picture_finish(struct detect_picture *picture)
{
	free(picture->data);
	picture->data = NULL;
}

/* ---- writing ------------------------------------------------------------------------------------------------ */

/* "folder/name.detect.jpg" for "a/b/name.png". */
static char *make_path(const char *path, const char *folder)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path, *dot = strrchr(name, '.');
	size_t stem = dot && dot > name ? (size_t)(dot - name) : strlen(name);
	char *made;
	return asprintf(&made, "%s/%.*s.detect%s", folder, (int)stem, name, encoder_jpeg.suffix) < 0 ? NULL : made;
}

/* Draw into a copy: the picture itself stays as it is. */
static int draw(const struct detect_picture *picture, const struct detector_result *found,
                struct overlay_canvas *canvas)
{
	const struct zoe_frame frame = {.image = picture->image, .data = picture->data, .size = picture->size};
	struct result *result = calloc(1, sizeof(*result));
	struct converter *converter = NULL;
	int status = result ? converter_create(&converter) : -ENOMEM;
	if (status == 0)
		status = overlay_copy(canvas, converter, &frame, frame.image.width, frame.image.height);
	if (status == 0) {
		result->head.count = found->count;
		memcpy(result->boxes, found->boxes, found->count * sizeof(found->boxes[0]));
		overlay_draw(canvas, (const struct result *[]){result}, 1);
	}
	converter_destroy(converter);
	free(result);
	return status;
}

static int write_file(const char *path, const unsigned char *data, size_t size)
{
	FILE *file = fopen(path, "we");
	if (!file)
		return -errno;
	size_t written = fwrite(data, 1, size, file);
	int status = written == size ? 0 : -errno;
	return fclose(file) == 0 ? status : -errno;
}

int detect_picture_write(const struct detect_picture *picture, const struct detector_result *result, const char *folder,
                         char **out_path, char *error)
{
	struct overlay_canvas canvas = {0};
	void *encoder = NULL;
	const unsigned char *jpeg;
	size_t size;
	char *path = make_path(picture->path, folder);
	int status = path ? draw(picture, result, &canvas) : -ENOMEM;
	fail(error, status, "%s: no memory, or its pixels cannot be read", picture->path);
	if (status == 0)
		status = encoder_jpeg.open(QUALITY, &encoder);
	if (status == 0)
		status =
		    encoder_jpeg.encode(encoder, &canvas.image, canvas.rgb, overlay_size(&canvas), &jpeg, &size, error);
	if (status == 0 && (status = write_file(path, jpeg, size)) < 0)
		fail(error, status, "%s cannot be written: %s", path, strerror(-status));
	encoder_jpeg.close(encoder);
	overlay_finish(&canvas);
	if (status < 0)
		free(path);
	else
		*out_path = path;
	return status;
}
