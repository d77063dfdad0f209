/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shared between the files of the V4L2 driver: a device and what is wrong with it (v4l2_device.c), what it offers
 * (v4l2_modes.c), what is chosen of that (v4l2_choose.c), its controls (v4l2_controls.c), and its buffers
 * (v4l2_queue.c). None of them knows libav.
 */
#ifndef CAMERA_V4L2_H
#define CAMERA_V4L2_H

#include "camera_driver.h"

#include <linux/videodev2.h>

#define V4L2_BUFFERS     4 /* one is filled, one is published, two for a process that is late */
#define V4L2_BUFFERS_MAX VIDEO_MAX_FRAME
#define V4L2_PATH_BYTES  128

/* ---- a device ------------------------------------------------------------------------------------------------ */

struct v4l2_device {
	int fd; /* -1: not open; never blocks */
	char path[V4L2_PATH_BYTES];
	char driver[17], card[33], bus[33];
	uint32_t type; /* enum v4l2_buf_type; 0 = it does not capture */
	bool planes;   /* the multi-planar interface */
};

/* ioctl() that signals do not disturb. Returns 0 | -errno. */
int v4l2_ioctl(const struct v4l2_device *device, unsigned long request, void *argument);

/* One sentence about the device, with what the usual reasons for that errno are and what to do. Returns -errno, but
 * never -EINVAL, which would mean that trying again is in vain. */
int v4l2_fail(const struct v4l2_device *device, int status, const char *what, char *error);

/* Open "/dev/video0", or "video0"; what follows '?' is not looked at. Returns 0 | -EINVAL (not a camera at all) | -errno, each with a sentence. */
int v4l2_device_open(const char *source, struct v4l2_device *out, char *error);
void v4l2_device_close(struct v4l2_device *device);

/* ---- what it offers ------------------------------------------------------------------------------------------- */

/* A pixel format that the driver reads. */
struct v4l2_kind {
	uint32_t code;          /* V4L2's */
	enum zoe_format format; /* what it holds; of compressed ones MJPEG, or none */
	unsigned memory_planes; /* pieces of memory for a picture */
	bool compressed;
};

/* Those there are, best first: less to write and nothing to decode is better. Ends with code 0. */
extern const struct v4l2_kind v4l2_kinds[];
const struct v4l2_kind *v4l2_kind_find(uint32_t code);

/* Call visit for each format, for each size of a format, for each rate of a size. visit returns 0 to go on. */
int v4l2_each_format(const struct v4l2_device *device, int (*visit)(const struct v4l2_fmtdesc *format, void *user),
                     void *user);
int v4l2_each_size(const struct v4l2_device *device, uint32_t code,
                   int (*visit)(const struct v4l2_frmsizeenum *size, void *user), void *user);
int v4l2_each_rate(const struct v4l2_device *device, uint32_t code, unsigned width, unsigned height,
                   int (*visit)(const struct v4l2_frmivalenum *rate, void *user), void *user);

/* ---- what is chosen ------------------------------------------------------------------------------------------- */

/* What the device was set to. */
struct v4l2_choice {
	const struct v4l2_kind *kind;
	unsigned width, height;
	double fps;
	unsigned memory_planes;
	unsigned strides[VIDEO_MAX_PLANES]; /* of the first row of each piece of memory */
	size_t sizes[VIDEO_MAX_PLANES];
	uint32_t colorspace, encoding, quantization; /* V4L2's; 0 = its default */
	char why[CAMERA_NOTE_BYTES];
};

/* Set the device to what is nearest to the wish. Returns 0 | -errno with a sentence. */
int v4l2_choose(const struct v4l2_device *device, const struct camera_request *request, struct v4l2_choice *out,
                char *error);

/* ---- its controls --------------------------------------------------------------------------------------------- */

#define V4L2_NAME_BYTES 48
#define V4L2_TEXT_BYTES 128

/* Something that can be turned on a device, as its driver describes it. */
struct v4l2_knob {
	uint32_t id, type, flags;      /* V4L2's; type is of enum v4l2_ctrl_type, without classes and arrays */
	char name[V4L2_NAME_BYTES];    /* as people write it: "exposure_time_absolute" */
	int64_t min, max, step, usual; /* usual: the driver's default */
	char value[V4L2_TEXT_BYTES];   /* now, as people write it; "" = cannot be read */
};

/* A choice of a control that has a list of them. */
struct v4l2_menu_item {
	int64_t value;
	char name[V4L2_NAME_BYTES]; /* as people write it: "50_hz" */
};

/* Call visit for each control of the device, and for each choice of a menu. visit returns 0 to go on. */
int v4l2_each_control(const struct v4l2_device *device, int (*visit)(const struct v4l2_knob *control, void *user),
                      void *user);
int v4l2_each_menu_item(const struct v4l2_device *device, const struct v4l2_knob *control,
                        int (*visit)(const struct v4l2_menu_item *item, void *user), void *user);

/*
 * Set a control, by "name=value". "exposure" will do for whatever the device calls its exposure time.
 *
 * out   the control as it is then: drivers round
 * Returns  0 | -EINVAL (no such control, or not such a value) | -errno, each with a sentence
 */
int v4l2_control_set(const struct v4l2_device *device, const char *assignment, struct v4l2_knob *out, char *error);

/* ---- its buffers ---------------------------------------------------------------------------------------------- */

struct v4l2_buffer_memory {
	void *data[VIDEO_MAX_PLANES]; /* MMAP: of the whole session */
	size_t bytes[VIDEO_MAX_PLANES];
	bool queued; /* the device's */
};

struct v4l2_queue {
	const struct v4l2_device *device;
	uint32_t memory; /* enum v4l2_memory */
	unsigned count, memory_planes;
	bool streaming;
	struct v4l2_buffer_memory buffers[V4L2_BUFFERS_MAX];
};

/* A buffer that the device has filled. */
struct v4l2_filled {
	unsigned index;
	uint32_t sequence;
	int64_t capture_ns;
	bool damaged; /* the device says so */
	bool key;     /* likewise: decoding may begin here */
	size_t bytes; /* of the first piece: the length of a JPEG */
};

/* Ask the device for buffers of that kind of memory. MMAP: they are mapped. Returns 0 | -errno. */
int v4l2_queue_open(struct v4l2_queue *queue, const struct v4l2_device *device, uint32_t memory,
                    const struct v4l2_choice *choice);
void v4l2_queue_close(struct v4l2_queue *queue);

/* Give the device a buffer; USERPTR: with its data and bytes set. Returns 0 | -errno. */
int v4l2_queue_give(struct v4l2_queue *queue, unsigned index);

int v4l2_queue_start(struct v4l2_queue *queue);

/* Returns 0 | -EAGAIN | -errno */
int v4l2_queue_take(struct v4l2_queue *queue, struct v4l2_filled *out);

#endif
