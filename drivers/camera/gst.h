/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The parts of the gst: driver: gst.c runs a pipeline, gst_pixels.c changes its pictures where something is to be done to
 * them, gst_words.c writes its text and says what goes wrong in it.
 */
#ifndef CAMERA_GST_H
#define CAMERA_GST_H

#include "camera_driver.h"
#include "gst/picture.h"
#include "gst/slotpool.h"
#include "jpeg_picture.h"
#include "libav.h"

#include <gst/app/gstappsink.h>

#define GST_PIPELINE_BYTES 4096

struct gst_camera {
	struct camera_request request;
	struct camera_mode *mode; /* the role's; changes with the caps */
	GstElement *pipeline;
	GstAppSink *sink;
	GstBus *bus;
	struct loaned *loaned; /* NULL before attach; GStreamer's threads read it */
	struct camera_topics topics;
	gint orientation;       /* enum GstVideoOrientationMethod, as tags say it of what comes next; atomic */
	struct picture picture; /* what caps say */
	GstCaps *caps;
	GstSample *sample; /* the one that is ready */
	int64_t last_ns;   /* capture time of the one before */
	uint64_t untimed;  /* pictures that had no time, of a source that is not live */
	bool private_memory;
	bool turns; /* the pipeline turns pictures itself: tags are not for us */

	/* What gst_pixels.c knows of the sample. */
	bool changed;   /* something is done to it, so that it is not published in its own memory */
	bool passed;    /* it is JPEG, and not decoded: nobody wants its pixels */
	bool mapped;    /* map is its memory */
	GstMapInfo map; /* changed: until it is published */
	size_t bytes;   /* of the JPEG in it */
	AVFrame *frame; /* changed, unless passed: its pixels, upright and cropped */
	struct turn turn;
	struct picture_plan plan;
	struct SwsContext *scaler, *upright_scaler;
	struct jpeg_reader *jpeg;
};

/* ---- gst_pixels.c -------------------------------------------------------------------------------------------------- */

/* Note on a buffer how it is to be turned; on the thread that brings it. */
void gst_pixels_note(struct gst_camera *camera, GstBuffer *buffer);

/*
 * See what is to be done to the sample, and do it, but for what is done while it is written into a slot. Sets mode->image.
 *
 * Returns  0 | -EBADMSG (damaged, to be passed over) | -EINVAL, -ENOMEM with a sentence
 */
int gst_pixels_look(struct gst_camera *camera, char *error);

/* Publish what was changed. Returns as camera_driver.publish() */
int gst_pixels_publish(struct gst_camera *camera, int64_t capture_ns, uint64_t *out_seq);

/* Is what it sends worth a topic of its own: JPEGs to which nothing is done? The sample was looked at. */
bool gst_pixels_are_jpeg(const struct gst_camera *camera);

/* Let go of the sample. */
void gst_pixels_forget(struct gst_camera *camera);

/* ---- gst_words.c ---------------------------------------------------------------------------------------------------- */

/*
 * The whole pipeline: what was written, what makes it the size, format and rate that are wanted, and an appsink named
 * zoetrope.
 *
 * raw  it ends in raw video; else elements that want that are left out: size and format are not seen to
 *
 * Returns  0 | -EINVAL (nothing was written, or it is too long)
 */
int gst_words_pipeline(const struct camera_request *request, bool raw, char out[GST_PIPELINE_BYTES], char *error);

/* Why a text is no pipeline. Returns -EINVAL. */
int gst_words_parse_error(const struct camera_request *request, const GError *reason, char *error);

/* What an error message of the bus says. Returns -EIO. */
int gst_words_message(const struct camera_request *request, GstMessage *message, char *error);

/* "pipeline '...' REASON". Returns status. */
int gst_words_fail(const struct camera_request *request, int status, const char *reason, char *error);

#endif
