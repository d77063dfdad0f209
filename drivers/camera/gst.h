/* SPDX-License-Identifier: Apache-2.0 */
/* A pipeline's text, and what goes wrong in it, in words for people: gst.c runs it, gst_words.c says it. */
#ifndef CAMERA_GST_H
#define CAMERA_GST_H

#include "camera_driver.h"

#include <gst/gst.h>

#define GST_PIPELINE_BYTES 4096

/*
 * The whole pipeline: what was written, what makes it the size, format and rate that are wanted, and an appsink named
 * zoetrope.
 *
 * Returns  0 | -EINVAL (nothing was written, or it is too long)
 */
int gst_words_pipeline(const struct camera_request *request, char out[GST_PIPELINE_BYTES], char *error);

/* Why a text is no pipeline. Returns -EINVAL. */
int gst_words_parse_error(const struct camera_request *request, const GError *reason, char *error);

/* What an error message of the bus says. Returns -EIO. */
int gst_words_message(const struct camera_request *request, GstMessage *message, char *error);

/* "pipeline '...' REASON". Returns status. */
int gst_words_fail(const struct camera_request *request, int status, const char *reason, char *error);

#endif
