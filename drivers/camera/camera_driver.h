/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A camera driver: one table of functions. It opens a source, says what it really got, and then, frame by frame, fills
 * a loaned slot and publishes it when the role says so. All calls come from one thread of the camera role, which does
 * nothing else: a driver may wait there for its device or the network, and comes back as soon as request->interrupt is
 * set.
 *
 * The life of a driver: open, attach, then next and publish in turn, close. A driver never prints; it writes one
 * sentence into error[CAMERA_ERROR_BYTES] (what was wanted, what was found, what to do) and returns -errno. No sentence
 * ever has the source's login in it: request->shown is how a source is told to people.
 */
#ifndef CAMERA_DRIVER_H
#define CAMERA_DRIVER_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "convert/area.h"

#define CAMERA_ERROR_BYTES 512
#define CAMERA_NOTE_BYTES  256
#define CAMERA_SHOWN_BYTES 256

/* Controls of a device, "brightness=20\n..." */
#define CAMERA_CONTROLS_BYTES 2048

/* Set by the role when a driver shall stop waiting. */
struct camera_interrupt {
	atomic_bool set;
	int fd; /* an eventfd, readable from then on, for those who poll */
};

/* Sleep until then, CLOCK_MONOTONIC. Returns 0 | -EINTR (it is set). */
int camera_interrupt_wait(struct camera_interrupt *interrupt, int64_t until_ns);

/* What is wanted. 0 = the source's own. The strings live until close. */
struct camera_request {
	const char *uri;    /* all of it; may hold a login */
	const char *source; /* behind the scheme: "clip.mp4", "?format=NV12" */
	const char *shown;  /* the URI as people may see it */
	unsigned width, height;
	double fps;
	bool loop;
	uint32_t format;          /* enum zoe_format */
	struct area crop;         /* only that is published */
	const struct area *masks; /* blacked out before anybody sees it */
	unsigned mask_count;
	bool udp;             /* the network's pictures by UDP, not TCP */
	const char *decoder;  /* name of a libavcodec decoder; "" = the usual one */
	const char *controls; /* a line each, "name=value\n", in that order; "" = the device's own */
	struct camera_interrupt *interrupt;
};

/* What became of the pictures of a device that counts them itself, since it was opened. */
struct camera_counts {
	uint64_t lost;     /* that the device numbered and nobody got: it had no buffer, or no time */
	uint64_t damaged;  /* that it called damaged, or that cannot be decoded */
	uint64_t in_place; /* published that the device wrote into their slots */
	uint64_t copied;   /* published that were copied, converted or decoded into their slots */
};

/* What was really got. */
struct camera_mode {
	struct zoe_image image; /* format, size, range, matrix; planes differ from frame to frame */
	double fps;             /* expected frames a second */
	bool live;              /* frames are due when they come; silence means that something is wrong */
	bool packets;           /* can publish what it decodes, too */
	bool jpeg;              /* sends JPEGs, which are worth a topic: nothing is done to them */
	size_t slot_bytes;      /* that a slot of the topic must have */
	unsigned loans, keeps;  /* slots that the driver holds at most while it works */
	int64_t quarantine_ns;  /* the device may write into loans for that long after this process died */
	bool counted;           /* counts are kept */
	struct camera_counts counts;
	char note[CAMERA_NOTE_BYTES]; /* worth telling once: "yuv420p10le is converted to YU12"; "" = nothing */
};

/* Where a driver publishes. All outlive its state. */
struct camera_topics {
	struct zoe_publisher *frames;
	struct zoe_publisher *packets; /* for what was decoded; NULL unless mode.packets */
	struct zoe_publisher *jpegs;   /* NULL unless mode.jpeg */
};

/* When frames are due. One for each time that the source is opened; the role's. */
struct camera_pace {
	int64_t start_ns;  /* CLOCK_MONOTONIC of the source's time 0; moves on when frames are dropped */
	int64_t period_ns; /* of a frame */
	uint64_t dropped;  /* frames whose time passed before they were ready */
};

struct camera_driver {
	const char *schemes; /* "rtsp rtsps": chosen by "rtsp:..." */
	bool patient;        /* the source may not be there yet: a failure to open but -EINVAL is tried again */

	/*
	 * Open the source and look at it. out_mode stays where it is until close: a driver whose source changes its
	 * size later changes out_mode->image in next(); out_mode->counts always tells what was so far.
	 *
	 * Returns  0 | -EINVAL (what is wanted makes no sense) | -errno, each with a sentence
	 */
	int (*open)(const struct camera_request *request, struct camera_mode *out_mode, void **out_state, char *error);

	/* From now on slots may be loaned from these. */
	void (*attach)(void *state, const struct camera_topics *topics);

	/*
	 * Make the next frame ready; a live source waits for it.
	 *
	 * pace        ask camera_pace_due() with the frame's time in the source, unless it is live
	 * out_due_ns  when it is to be published, and its capture time; live: when it came
	 *
	 * Returns  0 | -ENODATA (the source has ended) | -EINTR (interrupted) | -errno with a sentence (it is lost)
	 */
	int (*next)(void *state, struct camera_pace *pace, int64_t *out_due_ns, char *error);

	/*
	 * Publish the frame that next() made ready. Called at most once after each next() that returned 0.
	 *
	 * Returns  0 | 1 (there was nothing to publish: nobody wants pixels, and the JPEG was passed on to who wants that)
	 *          | -ENOBUFS (no slot to be had: the frame is dropped) | -errno of zoe_loan(), zoe_publish()
	 */
	int (*publish)(void *state, int64_t capture_ns, uint64_t *out_seq);

	/*
	 * Set controls of the device, open or not; from any thread. NULL: it has none.
	 *
	 * controls  as in the request
	 * out       the same controls as they are then
	 *
	 * Returns  0 | -errno with a sentence: those before are set
	 */
	int (*set)(const struct camera_request *request, const char *controls, char out[CAMERA_CONTROLS_BYTES],
	           char *error);

	/* Close the source and give all slots back. NULL is fine. */
	void (*close)(void *state);
};

extern const struct camera_driver camera_file, camera_gst, camera_images, camera_network, camera_test, camera_v4l2;

/*
 * The driver for a source, by its scheme; a bare path is a file, but in /dev it is a V4L2 device.
 *
 * out_rest  what follows the scheme, part of source
 * Returns   the driver | NULL with a sentence in error
 */
const struct camera_driver *camera_driver_find(const char *source, const char **out_rest, char *error);

/* A source as people may see it, without what common/login.h calls secret. */
void camera_source_show(const char *source, char out[CAMERA_SHOWN_BYTES]);

/* Black the masked areas out of a picture that was cropped. */
void camera_mask(const struct camera_request *request, const struct zoe_image *image, void *data);

/* Is there a subscriber? publisher may be NULL. */
bool camera_is_wanted(struct zoe_publisher *publisher);

struct zoe_packet_head;

/* Publish a packet on CAMERA/packets, if somebody wants it. */
void camera_packet_publish(struct zoe_publisher *publisher, const struct zoe_packet_head *head, const void *extra,
                           const void *data, size_t bytes, int64_t capture_ns);

/* A picture on CAMERA/jpeg. */
struct camera_jpeg {
	unsigned width, height;
	const void *data;
	size_t bytes;
	int64_t capture_ns;
	uint32_t device_sequence;
	bool has_frame; /* its pixels were published, as that frame */
	uint64_t frame;
};

/* Publish it, if somebody wants it. */
void camera_jpeg_publish(struct zoe_publisher *publisher, const struct camera_jpeg *jpeg);

/* A pixel format by the name that people write, "NV12"; 0 = not known. */
uint32_t camera_format_find(const char *name);

/*
 * When a frame is due whose time in the source is at_ns. If that is more than a frame ago, whole frames are skipped:
 * pace counts them as dropped and moves on by them, so lag never grows and times stay on the grid.
 */
int64_t camera_pace_due(struct camera_pace *pace, int64_t at_ns);

#endif
