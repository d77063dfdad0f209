/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The camera that shows the pictures of a folder, "images:FOLDER", one after another at a given rate, in the order of
 * their names (9.jpg before 10.jpg). The folder is listed anew at each pass, so that pictures can be added. The first
 * one's size is that of all, unless another is wanted. A picture that cannot be read is passed over.
 */
#include "libav.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define IMAGES_FPS 5 /* unless wanted otherwise */

struct images {
	struct camera_request request;
	struct dirent **names;
	int count, at;
	unsigned passed_over; /* in a row */
	AVFrame *frame;
	struct picture_plan plan;
	struct SwsContext *scaler;
	struct zoe_publisher *publisher;
	struct zoe_loan loan; /* data is NULL: none, for the reason in loan_status */
	int loan_status;
	double fps;
	uint64_t number;
};

static int is_picture(const struct dirent *entry)
{
	static const char *const suffixes[] = {".jpg", ".jpeg", ".png", ".bmp", ".webp",
	                                       ".tif", ".tiff", ".ppm", ".pgm"};
	const char *dot = strrchr(entry->d_name, '.');
	for (size_t i = 0; dot && i < sizeof(suffixes) / sizeof(suffixes[0]); i++)
		if (strcasecmp(dot, suffixes[i]) == 0)
			return 1;
	return 0;
}

static void forget_names(struct images *images)
{
	for (int i = 0; i < images->count; i++)
		free(images->names[i]);
	free(images->names);
	images->names = NULL;
	images->count = images->at = 0;
}

static int list_folder(struct images *images, char *error)
{
	const char *folder = images->request.source;
	forget_names(images);
	int count = *folder ? scandir(folder, &images->names, is_picture, versionsort) : -1;
	if (count < 0) {
		int code = *folder ? errno : ENOENT;
		snprintf(error, CAMERA_ERROR_BYTES,
		         "source 'images:%.300s': cannot list that folder: %s; wanted images:FOLDER", folder,
		         strerror(code));
		return -code;
	}
	images->count = count;
	if (count > 0)
		return 0;
	snprintf(error, CAMERA_ERROR_BYTES,
	         "folder '%.300s' has no picture in it; wanted files that end in .jpg, .png, .bmp, .webp, .tif or .ppm",
	         folder);
	return -ENOENT;
}

/* The next picture that can be read. Returns 0 | -ENODATA (the last one was shown) | -errno with a sentence. */
static int read_next(struct images *images, char *error)
{
	char path[2 * CAMERA_ERROR_BYTES];
	for (;;) {
		if (images->at == images->count) {
			if (!images->request.loop && images->number)
				return -ENODATA;
			int status = list_folder(images, error);
			if (status < 0)
				return status;
		}
		snprintf(path, sizeof(path), "%s/%s", images->request.source, images->names[images->at++]->d_name);
		struct camera_request one = images->request;
		one.source = one.uri = one.shown = path;
		int status = libav_read_picture(&one, images->frame, error);
		if (status == 0)
			images->passed_over = 0;
		if (status == 0 || status == -EINTR || ++images->passed_over >= (unsigned)images->count)
			return status; /* the last sentence says what is wrong with all of them */
	}
}

static void images_close(void *state)
{
	struct images *images = state;
	if (!images)
		return;
	if (images->loan.data)
		zoe_discard(images->publisher, &images->loan);
	forget_names(images);
	av_frame_free(&images->frame);
	sws_freeContext(images->scaler);
	free(images);
}

static int images_open(const struct camera_request *request, struct camera_mode *out_mode, void **out_state,
                       char *error)
{
	struct images *images = calloc(1, sizeof(*images));
	int status = -ENOMEM;
	if (images)
		images->frame = av_frame_alloc();
	if (!images || !images->frame) {
		snprintf(error, CAMERA_ERROR_BYTES, "no memory for the pictures of '%.300s'", request->source);
		goto fail;
	}
	images->request = *request;
	status = read_next(images, error);
	if (status == 0)
		status = picture_plan(images->frame, &images->request, &images->plan, error);
	if (status < 0)
		goto fail;
	images->fps = request->fps > 0 ? request->fps : IMAGES_FPS;
	*out_mode = (struct camera_mode){
	    .image = images->plan.image, .fps = images->fps, .slot_bytes = images->plan.size, .loans = 2};
	snprintf(out_mode->note, sizeof(out_mode->note), "%d pictures", images->count);
	*out_state = images;
	return 0;
fail:
	images_close(images);
	return status;
}

static void images_attach(void *state, const struct camera_topics *topics)
{
	struct images *images = state;
	images->publisher = topics->frames;
}

static int fill_loan(struct images *images)
{
	if (images->loan.data)
		zoe_discard(images->publisher, &images->loan);
	images->loan = (struct zoe_loan){0};
	return picture_loan(images->publisher, &images->plan, images->frame, &images->scaler, &images->loan);
}

static int images_next(void *state, struct camera_pace *pace, int64_t *out_due_ns, char *error)
{
	struct images *images = state;
	int status = images->number ? read_next(images, error) : 0; /* the first is there since open */
	if (status < 0)
		return status;
	*out_due_ns = camera_pace_due(pace, (int64_t)((double)images->number * 1e9 / images->fps));
	images->number++;
	images->loan_status = fill_loan(images);
	return 0;
}

static int images_publish(void *state, int64_t capture_ns, uint64_t *out_seq)
{
	struct images *images = state;
	if (images->loan_status < 0)
		return images->loan_status;
	images->loan.capture_ns = capture_ns;
	int status = zoe_publish(images->publisher, &images->loan, out_seq);
	if (status == 0)
		images->loan = (struct zoe_loan){0};
	return status;
}

const struct camera_driver camera_images = {
    .schemes = "images",
    .open = images_open,
    .attach = images_attach,
    .next = images_next,
    .publish = images_publish,
    .close = images_close,
};
