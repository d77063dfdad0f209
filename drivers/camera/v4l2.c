/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The V4L2 camera, "v4l2:/dev/video0". If the device gives what is wanted, it writes straight into loaned slots
 * (USERPTR), and nothing is copied; else, and if it does not take our memory, its own buffers are mapped (MMAP) and
 * copied, converted or decoded into a slot once. A privacy mask takes the second way: what it hides never is in shared
 * memory. What a device compresses itself is also passed on as it is, and JPEG is decoded only if somebody wants pixels.
 */
#include "v4l2.h"

#include "jpeg_picture.h"
#include "libav.h"
#include "v4l2_decode.h"
#include "zoetrope_camera.h"
#include "zoetrope_packets.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES    4096
#define QUARANTINE_NS 1000000000 /* a killed process's device is stopped by the kernel long before that */

struct v4l2_camera {
	struct camera_request request;
	struct camera_mode *mode; /* the role's */
	struct v4l2_device device;
	struct v4l2_choice choice;
	struct v4l2_queue queue;

	struct zoe_image image;                  /* as it lies in the device's buffers, whole; MJPEG: without planes */
	size_t offsets[VIDEO_MAX_PLANES], bytes; /* of the pieces of memory in a slot, and all of them */
	bool direct;                             /* the device writes into slots */
	struct zoe_loan loans[V4L2_BUFFERS_MAX]; /* direct: of each buffer. data is NULL: none */

	struct picture_plan plan;
	struct SwsContext *scaler;
	struct v4l2_decoder *decoder; /* NULL: the device does not compress */
	AVFrame *frame;               /* the picture that is to be published, unless direct */

	struct camera_topics topics;
	struct v4l2_filled filled; /* if have */
	bool have, numbered;
	bool passed;       /* it was not decoded: nobody wants its pixels */
	uint32_t sequence; /* of the picture before, if numbered */
	int64_t wanted_ns; /* no picture before that */
};

/* ---- pictures --------------------------------------------------------------------------------------------------- */

/* Where the planes lie in a buffer. Planes that share a piece of memory follow each other. */
static void lay_out(struct v4l2_camera *camera)
{
	const struct v4l2_choice *choice = &camera->choice;
	struct zoe_image *image = &camera->image;
	*image = (struct zoe_image){.format = choice->kind->format, .width = choice->width, .height = choice->height};
	for (unsigned i = 0; i < choice->memory_planes; i++) {
		camera->offsets[i] = camera->bytes;
		camera->bytes += (choice->sizes[i] + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
	}
	if (choice->kind->compressed || zoe_image_layout(image, 1) < 0)
		return;
	uint32_t tight = image->planes[0].stride, first = choice->strides[0] ? choice->strides[0] : tight;
	uint64_t end = 0;
	for (unsigned i = 0; i < image->plane_count; i++) {
		uint64_t rows = i && image->format != ZOE_FORMAT_I422 ? (image->height + 1) / 2 : image->height;
		struct zoe_plane *plane = &image->planes[i];
		bool own = choice->memory_planes > 1;
		plane->stride = own ? choice->strides[i] : i && image->format != ZOE_FORMAT_NV12 ? first / 2 : first;
		plane->offset = own ? camera->offsets[i] : end;
		end = plane->offset + plane->stride * rows;
	}
}

static void tell_colour(const struct v4l2_choice *choice, AVFrame *frame)
{
	bool rgb = choice->kind->format == ZOE_FORMAT_RGB24 || choice->kind->format == ZOE_FORMAT_BGR24;
	uint32_t encoding = choice->encoding ? choice->encoding : V4L2_MAP_YCBCR_ENC_DEFAULT(choice->colorspace);
	uint32_t range = choice->quantization ? choice->quantization
	                                      : V4L2_MAP_QUANTIZATION_DEFAULT(rgb, choice->colorspace, encoding);
	bool known = choice->colorspace || choice->encoding;
	bool jpeg = choice->kind->format == ZOE_FORMAT_MJPEG; /* as it will be decoded */
	frame->color_range = jpeg || range == V4L2_QUANTIZATION_FULL_RANGE ? AVCOL_RANGE_JPEG : AVCOL_RANGE_MPEG;
	frame->colorspace = jpeg                                                                 ? AVCOL_SPC_SMPTE170M
	                    : !known                                                             ? AVCOL_SPC_UNSPECIFIED
	                    : encoding == V4L2_YCBCR_ENC_709 || encoding == V4L2_YCBCR_ENC_XV709 ? AVCOL_SPC_BT709
	                    : encoding == V4L2_YCBCR_ENC_BT2020                                  ? AVCOL_SPC_BT2020_NCL
	                                                                                         : AVCOL_SPC_SMPTE170M;
}

/* Let the frame say what a picture of that format and size is. */
static void begin_frame(struct v4l2_camera *camera, uint32_t format, unsigned width, unsigned height)
{
	AVFrame *frame = camera->frame;
	av_frame_unref(frame);
	frame->format = picture_format(format);
	frame->width = (int)width;
	frame->height = (int)height;
	tell_colour(&camera->choice, frame);
}

/* What the device has compressed; what that is like in full is seen when it is there. Returns as v4l2_decode(). */
static int decode(struct v4l2_camera *camera, char *error)
{
	const struct v4l2_buffer_memory *buffer = &camera->queue.buffers[camera->filled.index];
	int status = v4l2_decode(camera->decoder, buffer->data[0], camera->filled.bytes, camera->filled.capture_ns,
	                         camera->frame);
	if (status < 0)
		return status;
	int64_t capture_ns = camera->frame->pts;
	if (camera->image.format != ZOE_FORMAT_MJPEG && capture_ns != AV_NOPTS_VALUE)
		camera->filled.capture_ns = capture_ns; /* the decoder may be a picture behind */
	if (picture_crop(camera->frame, &camera->request) < 0)
		return -EBADMSG;
	if (picture_fits(&camera->plan, camera->frame))
		return 0;
	status = picture_plan(camera->frame, &camera->request, &camera->plan, error);
	camera->mode->image = camera->plan.image;
	return status;
}

/* Make camera->frame show the buffer that was filled, cropped. Returns 0 | -EAGAIN (it is not decoded yet) | -EBADMSG
 * (damaged) | -ENOMEM */
static int show_buffer(struct v4l2_camera *camera, char *error)
{
	const struct v4l2_buffer_memory *buffer = &camera->queue.buffers[camera->filled.index];
	const struct zoe_image *image = &camera->image;
	if (camera->decoder)
		return decode(camera, error);
	begin_frame(camera, image->format, image->width, image->height);
	for (unsigned i = 0; i < image->plane_count; i++) {
		unsigned memory = camera->choice.memory_planes > 1 ? i : 0;
		camera->frame->data[i] =
		    (uint8_t *)buffer->data[memory] + (image->planes[i].offset - camera->offsets[memory]);
		camera->frame->linesize[i] = (int)image->planes[i].stride;
	}
	return picture_crop(camera->frame, &camera->request) < 0 ? -EBADMSG : 0;
}

/* ---- open ------------------------------------------------------------------------------------------------------- */

/* What is to be published, and so whether the device may write it into slots itself. */
static int plan(struct v4l2_camera *camera, char *error)
{
	bool compressed = camera->choice.kind->compressed;
	lay_out(camera);
	/* Cameras that send JPEG mostly halve the chroma across, those that send H.264 both ways. */
	uint32_t format = !compressed                                ? camera->choice.kind->format
	                  : camera->image.format == ZOE_FORMAT_MJPEG ? ZOE_FORMAT_I422
	                                                             : ZOE_FORMAT_I420;
	begin_frame(camera, format, camera->choice.width, camera->choice.height);
	for (int i = 0; i < 3; i++) { /* cropping moves them, and wants them to be there */
		camera->frame->data[i] = (uint8_t *)camera;
		camera->frame->linesize[i] = (int)(camera->choice.width * 3);
	}
	if (picture_crop(camera->frame, &camera->request) < 0) {
		snprintf(error, CAMERA_ERROR_BYTES, "%s: its picture of %ux%u cannot be cropped", camera->device.path,
		         camera->choice.width, camera->choice.height);
		return -EIO;
	}
	int status = picture_plan(camera->frame, &camera->request, &camera->plan, error);
	av_frame_unref(camera->frame);
	struct zoe_image image = camera->image;
	camera->direct = status == 0 && !compressed && !camera->plan.convert && camera->request.mask_count == 0 &&
	                 zoe_image_check(&image, camera->bytes) == 0;
	camera->image.range = camera->plan.image.range;
	camera->image.matrix = camera->plan.image.matrix;
	return status;
}

static int open_queue(struct v4l2_camera *camera, char *error)
{
	int status = -EINVAL;
	if (camera->direct)
		status = v4l2_queue_open(&camera->queue, &camera->device, V4L2_MEMORY_USERPTR, &camera->choice);
	if (status == -EINVAL) { /* it does not take our memory */
		camera->direct = false;
		status = v4l2_queue_open(&camera->queue, &camera->device, V4L2_MEMORY_MMAP, &camera->choice);
	}
	return status < 0 ? v4l2_fail(&camera->device, status, "get buffers", error) : 0;
}

/* JPEGs to which nothing is done, but that some may be left out. */
static bool sends_jpeg(const struct v4l2_camera *camera)
{
	const struct zoe_image *wanted = &camera->plan.image;
	return camera->image.format == ZOE_FORMAT_MJPEG && camera->request.mask_count == 0 &&
	       camera->request.crop.width <= 0 && wanted->width == camera->image.width &&
	       wanted->height == camera->image.height;
}

static void tell_mode(struct v4l2_camera *camera, struct camera_mode *out)
{
	const char *way = camera->direct               ? "written into slots by the device"
	                  : camera->decoder            ? "decoded"
	                  : camera->plan.convert       ? "converted"
	                  : camera->request.mask_count ? "copied once because of the mask"
	                                               : "copied once: the device writes only its own memory";
	double wanted = camera->request.fps, has = camera->choice.fps;
	*out = (struct camera_mode){.image = camera->direct ? camera->image : camera->plan.image,
	                            .fps = wanted > 0 && wanted < has ? wanted : has,
	                            .live = true,
	                            .slot_bytes = camera->direct ? camera->bytes : camera->plan.size,
	                            .loans = camera->direct ? camera->queue.count : 2,
	                            .quarantine_ns = camera->direct ? QUARANTINE_NS : 0,
	                            .packets = camera->decoder && camera->request.mask_count == 0,
	                            .jpeg = sends_jpeg(camera),
	                            .counted = true};
	if (camera->direct)
		area_crop(&camera->request.crop, &out->image);
	snprintf(out->note, sizeof(out->note), "%.180s; %s", camera->choice.why, way);
}

static void discard_loans(struct v4l2_camera *camera)
{
	for (unsigned i = 0; i < V4L2_BUFFERS_MAX; i++) {
		if (camera->loans[i].data)
			zoe_discard(camera->topics.frames, &camera->loans[i]);
		camera->loans[i] = (struct zoe_loan){0};
	}
}

static void v4l2_close(void *state)
{
	struct v4l2_camera *camera = state;
	if (!camera)
		return;
	v4l2_queue_close(&camera->queue); /* from now on the device writes nowhere */
	discard_loans(camera);
	v4l2_device_close(&camera->device);
	av_frame_free(&camera->frame);
	sws_freeContext(camera->scaler);
	v4l2_decoder_close(camera->decoder);
	free(camera);
}

/* Set controls, a line each; what they are then is written likewise. */
static int set_controls(const struct v4l2_device *device, const char *controls, char out[CAMERA_CONTROLS_BYTES],
                        char *error)
{
	size_t used = 0;
	out[0] = 0;
	for (const char *line = controls; *line;) {
		char assignment[V4L2_NAME_BYTES + V4L2_TEXT_BYTES];
		struct v4l2_knob control;
		size_t length = strcspn(line, "\n");
		snprintf(assignment, sizeof(assignment), "%.*s", (int)length, line);
		int status = v4l2_control_set(device, assignment, &control, error);
		if (status < 0)
			return status;
		/* By the name that it was set by, which may be a short one. */
		used += (size_t)snprintf(out + used, CAMERA_CONTROLS_BYTES - used, "%.*s%s\n",
		                         (int)strcspn(assignment, "=") + 1, assignment, control.value);
		if (used >= CAMERA_CONTROLS_BYTES)
			used = CAMERA_CONTROLS_BYTES - 1;
		line += length + (line[length] != 0);
	}
	return 0;
}

static int v4l2_set(const struct camera_request *request, const char *controls, char out[CAMERA_CONTROLS_BYTES],
                    char *error)
{
	struct v4l2_device device;
	int status = v4l2_device_open(request->source, &device, error);
	if (status < 0)
		return status;
	status = set_controls(&device, controls, out, error);
	v4l2_device_close(&device);
	return status;
}

static int v4l2_open(const struct camera_request *request, struct camera_mode *out_mode, void **out_state, char *error)
{
	struct v4l2_camera *camera = calloc(1, sizeof(*camera));
	int status = -ENOMEM;
	snprintf(error, CAMERA_ERROR_BYTES, "no memory for camera %s", request->shown);
	if (!camera)
		return status;
	camera->device.fd = -1;
	camera->request = *request;
	camera->mode = out_mode;
	camera->frame = av_frame_alloc();
	char set[CAMERA_CONTROLS_BYTES];
	if (camera->frame)
		status = v4l2_device_open(request->source, &camera->device, error);
	if (status == 0)
		status = v4l2_choose(&camera->device, request, &camera->choice, error);
	if (status == 0 && request->controls)
		status = set_controls(&camera->device, request->controls, set, error);
	if (status == 0)
		status = plan(camera, error);
	if (status == 0 && camera->choice.kind->compressed) {
		status = v4l2_decoder_open(camera->choice.kind->code, &camera->decoder);
		if (status < 0)
			snprintf(error, CAMERA_ERROR_BYTES, "%s: no decoder for what it sends: %s", camera->device.path,
			         strerror(-status));
	}
	if (status == 0)
		status = open_queue(camera, error);
	if (status < 0) {
		v4l2_close(camera);
		return status;
	}
	tell_mode(camera, out_mode);
	*out_state = camera;
	return 0;
}

static void v4l2_attach(void *state, const struct camera_topics *topics)
{
	struct v4l2_camera *camera = state;
	camera->topics = *topics;
}

/* ---- buffers ------------------------------------------------------------------------------------------------------ */

/* Give the device a buffer; direct: with a slot for it. Returns 0 | -errno of the device | -ENOBUFS (no slot) */
static int give(struct v4l2_camera *camera, unsigned index)
{
	struct v4l2_buffer_memory *buffer = &camera->queue.buffers[index];
	struct zoe_loan *loan = &camera->loans[index];
	if (camera->direct && !loan->data && zoe_loan(camera->topics.frames, camera->bytes, loan) < 0) {
		*loan = (struct zoe_loan){0};
		return -ENOBUFS;
	}
	for (unsigned i = 0; i < camera->choice.memory_planes && camera->direct; i++) {
		buffer->data[i] = (uint8_t *)loan->data + camera->offsets[i];
		buffer->bytes[i] = (camera->choice.sizes[i] + PAGE_BYTES - 1) & ~(size_t)(PAGE_BYTES - 1);
	}
	return v4l2_queue_give(&camera->queue, index);
}

/* All that the device does not have. Returns 0 (it has some) | -errno with a sentence */
static int give_all(struct v4l2_camera *camera, char *error)
{
	unsigned has = 0;
	int failed = 0;
	for (unsigned i = 0; i < camera->queue.count; i++) {
		int status = camera->queue.buffers[i].queued ? 0 : give(camera, i);
		has += status == 0;
		failed = status < 0 ? status : failed;
	}
	if (has && (failed == 0 || failed == -ENOBUFS))
		return 0;
	if (failed == -ENOBUFS) {
		snprintf(error, CAMERA_ERROR_BYTES, "no slot for %s to write into: %s", camera->device.path,
		         zoe_error());
		return -ENOBUFS;
	}
	return v4l2_fail(&camera->device, failed, "give it a buffer", error);
}

/* Some drivers say only now that they cannot write into our memory. */
static int fall_back(struct v4l2_camera *camera, char *error)
{
	v4l2_queue_close(&camera->queue);
	discard_loans(camera);
	camera->direct = false;
	camera->mode->image = camera->plan.image;
	int status = open_queue(camera, error);
	return status < 0 ? status : give_all(camera, error);
}

static int start(struct v4l2_camera *camera, char *error)
{
	int status = give_all(camera, error);
	if (status < 0 && status != -ENOBUFS && status != -ENODEV && camera->direct)
		status = fall_back(camera, error);
	if (status < 0)
		return status;
	status = v4l2_queue_start(&camera->queue);
	return status < 0 ? v4l2_fail(&camera->device, status, "start it", error) : 0;
}

/* ---- frames ------------------------------------------------------------------------------------------------------- */

/* Returns 0 (there may be a picture) | -EINTR */
static int wait_for_picture(const struct v4l2_camera *camera, bool *out_failed)
{
	struct pollfd waits[] = {{.fd = camera->device.fd, .events = POLLIN},
	                         {.fd = camera->request.interrupt->fd, .events = POLLIN}};
	if (atomic_load(&camera->request.interrupt->set))
		return -EINTR;
	if (poll(waits, 2, -1) < 0)
		return 0;
	*out_failed = waits[0].revents & (POLLERR | POLLHUP | POLLNVAL);
	return waits[1].revents ? -EINTR : 0;
}

/* Is the picture whole? Counts those that the device lost before it. v4l2loopback sends what is no JPEG before its first. */
static bool is_whole(struct v4l2_camera *camera)
{
	struct v4l2_filled *filled = &camera->filled;
	struct camera_counts *counts = &camera->mode->counts;
	uint32_t step = filled->sequence - camera->sequence;
	if (camera->numbered && step > 1 && step < UINT32_MAX / 2)
		counts->lost += step - 1;
	camera->sequence = filled->sequence;
	camera->numbered = true;
	bool raw = !camera->decoder;
	if (camera->image.format == ZOE_FORMAT_MJPEG)
		filled->bytes = jpeg_length(camera->queue.buffers[filled->index].data[0], filled->bytes);
	bool cut = raw && camera->choice.memory_planes == 1 && filled->bytes &&
	           zoe_image_check(&camera->image, filled->bytes) < 0;
	if (filled->damaged || cut || (!raw && filled->bytes == 0)) {
		counts->damaged++;
		return false;
	}
	return true;
}

/* Is it time for a picture, or is the device faster than what is wanted? */
static bool is_due(struct v4l2_camera *camera)
{
	const struct v4l2_filled *filled = &camera->filled;
	if (camera->request.fps <= 0 || camera->choice.fps <= camera->request.fps * 1.01)
		return true;
	int64_t period_ns = (int64_t)(1e9 / camera->request.fps), own_ns = (int64_t)(1e9 / camera->choice.fps);
	if (filled->capture_ns < camera->wanted_ns - own_ns / 2)
		return false;
	camera->wanted_ns += period_ns;
	if (camera->wanted_ns < filled->capture_ns)
		camera->wanted_ns = filled->capture_ns + period_ns;
	return true;
}

/* To those who want it as it came. */
static void pass_on(const struct v4l2_camera *camera)
{
	const struct v4l2_filled *filled = &camera->filled;
	struct zoe_packet_head head = {.magic = ZOE_PACKET_MAGIC,
	                               .flags = filled->key ? ZOE_PACKET_KEY : 0,
	                               .codec = "h264",
	                               .width = camera->choice.width,
	                               .height = camera->choice.height,
	                               .pts_ns = filled->capture_ns,
	                               .dts_ns = filled->capture_ns,
	                               .duration_ns = (int64_t)(1e9 / camera->choice.fps)};
	if (!camera->topics.packets)
		return;
	if (camera->image.format == ZOE_FORMAT_MJPEG) { /* which has key pictures only */
		memcpy(head.codec, "mjpeg", sizeof("mjpeg"));
		head.flags = ZOE_PACKET_KEY;
	}
	camera_packet_publish(camera->topics.packets, &head, NULL, camera->queue.buffers[filled->index].data[0],
	                      filled->bytes, filled->capture_ns);
}

/* frame: as what its pixels were published; NULL = they were not. */
static void pass_on_jpeg(const struct v4l2_camera *camera, int64_t capture_ns, const uint64_t *frame)
{
	struct camera_jpeg jpeg = {.width = camera->choice.width,
	                           .height = camera->choice.height,
	                           .data = camera->queue.buffers[camera->filled.index].data[0],
	                           .bytes = camera->filled.bytes,
	                           .capture_ns = capture_ns,
	                           .device_sequence = camera->filled.sequence,
	                           .has_frame = frame,
	                           .frame = frame ? *frame : 0};
	camera_jpeg_publish(camera->topics.jpegs, &jpeg);
}

/* The next picture of the device. Returns 0 | -EAGAIN (it was not one to publish) | -errno with a sentence */
static int take(struct v4l2_camera *camera, bool failed, char *error)
{
	int status = v4l2_queue_take(&camera->queue, &camera->filled);
	if (status == -EAGAIN && failed)
		status = -EIO;
	if (status == -EAGAIN)
		return status;
	if (status < 0)
		return v4l2_fail(&camera->device, status, "get a picture", error);
	if (!is_whole(camera))
		return -EAGAIN;
	pass_on(camera);
	/* A picture of H.264 is decoded in any case: later ones need it. */
	bool all = camera->decoder && camera->image.format != ZOE_FORMAT_MJPEG;
	if (!all && !is_due(camera))
		return -EAGAIN;
	camera->passed = camera->topics.jpegs && !camera_is_wanted(camera->topics.frames);
	status = camera->direct || camera->passed ? 0 : show_buffer(camera, error);
	if (status == 0 && all && !is_due(camera))
		return -EAGAIN;
	if (status == -EBADMSG) {
		camera->mode->counts.damaged++;
		return -EAGAIN;
	}
	if (status == -ENOMEM)
		snprintf(error, CAMERA_ERROR_BYTES, "no memory to decode a picture of %s", camera->device.path);
	return status;
}

static int v4l2_next(void *state, struct camera_pace *pace, int64_t *out_due_ns, char *error)
{
	struct v4l2_camera *camera = state;
	int status = camera->queue.streaming ? 0 : start(camera, error);
	camera->have = false;
	if (status < 0)
		return status;
	do {
		bool failed = false;
		status = give_all(camera, error);
		if (status == 0)
			status = wait_for_picture(camera, &failed);
		if (status == 0)
			status = take(camera, failed, error);
	} while (status == -EAGAIN);
	camera->have = status == 0;
	*out_due_ns = camera->filled.capture_ns;
	return status;
}

static int publish_loan(struct v4l2_camera *camera, struct zoe_loan *loan, const struct zoe_image *image, size_t size,
                        int64_t capture_ns, uint64_t *out_seq)
{
	struct zoe_camera_meta meta = {.magic = ZOE_CAMERA_MAGIC, .sequence = camera->filled.sequence};
	loan->image = *image;
	loan->size = size;
	loan->capture_ns = capture_ns;
	memcpy(loan->meta, &meta, sizeof(meta));
	int status = zoe_publish(camera->topics.frames, loan, out_seq);
	if (status < 0)
		zoe_discard(camera->topics.frames, loan);
	*loan = (struct zoe_loan){0};
	return status;
}

static int publish_copy(struct v4l2_camera *camera, int64_t capture_ns, uint64_t *out_seq)
{
	struct zoe_loan loan;
	int status = picture_loan(camera->topics.frames, &camera->plan, camera->frame, &camera->scaler, &loan);
	if (status < 0)
		return status;
	return publish_loan(camera, &loan, &camera->plan.image, camera->plan.size, capture_ns, out_seq);
}

/* The buffer goes back to the device with the next call of v4l2_next(). */
static int v4l2_publish(void *state, int64_t capture_ns, uint64_t *out_seq)
{
	struct v4l2_camera *camera = state;
	struct camera_counts *counts = &camera->mode->counts;
	if (!camera->have)
		return -ENOBUFS;
	camera->have = false;
	if (camera->passed) {
		pass_on_jpeg(camera, capture_ns, NULL);
		return 1;
	}
	if (!camera->direct) {
		int status = publish_copy(camera, capture_ns, out_seq);
		counts->copied += status == 0;
		pass_on_jpeg(camera, capture_ns, status == 0 ? out_seq : NULL);
		return status;
	}
	int status = publish_loan(camera, &camera->loans[camera->filled.index], &camera->mode->image, camera->bytes,
	                          capture_ns, out_seq);
	counts->in_place += status == 0;
	return status;
}

const struct camera_driver camera_v4l2 = {
    .schemes = "v4l2",
    .patient = true,
    .open = v4l2_open,
    .attach = v4l2_attach,
    .next = v4l2_next,
    .publish = v4l2_publish,
    .set = v4l2_set,
    .close = v4l2_close,
};
