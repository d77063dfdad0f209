/* SPDX-License-Identifier: Apache-2.0 */
/* See gst.h. GStreamer's own sentences may name an address with its login: all of it goes through login_hide_all(). */
#include "gst.h"

#include "common/login.h"
#include "gst/picture.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

int gst_words_fail(const struct camera_request *request, int status, const char *reason, char *error)
{
	snprintf(error, CAMERA_ERROR_BYTES, "pipeline '%.200s' %s", request->shown + strlen("gst:"), reason);
	login_hide_all(error, request->source);
	return status;
}

/* Of a side before the crop, so that the crop is as large as is wanted. */
static unsigned before_crop(unsigned wanted, double part)
{
	return part > 0 ? (unsigned)lround(wanted / part) : wanted;
}

int gst_words_pipeline(const struct camera_request *request, bool raw, char out[GST_PIPELINE_BYTES], char *error)
{
	const struct area *crop = &request->crop;
	struct zoe_image image = {.format = request->format, .width = 2, .height = 2};
	struct picture picture;
	char caps[200] = "", steps[300] = "";
	size_t used = 0;

	if (request->source[strspn(request->source, " \t\n")] == '\0')
		return gst_words_fail(request, -EINVAL,
		                      "is empty; wanted gst:PIPELINE, for example gst:v4l2src ! videoconvert", error);
	if (raw && request->format) {
		gst_caps_unref(picture_to_caps(&image, &picture));
		used +=
		    (size_t)snprintf(caps + used, sizeof(caps) - used, ",format=%s", GST_VIDEO_INFO_NAME(&picture.raw));
		strcat(steps, " ! videoconvert");
	}
	if (raw && request->width && request->height) {
		used += (size_t)snprintf(caps + used, sizeof(caps) - used, ",width=%u,height=%u",
		                         before_crop(request->width, crop->width),
		                         before_crop(request->height, crop->height));
		strcat(steps, " ! videoscale");
	}
	if (request->fps > 0) {
		used += (size_t)snprintf(caps + used, sizeof(caps) - used, ",framerate=%ld/1000",
		                         lround(request->fps * 1000));
		strcat(steps, " ! videorate"); /* which takes JPEG, too */
	}
	size_t end = strlen(steps);
	if (used)
		snprintf(steps + end, sizeof(steps) - end, " ! %s%s", raw ? "video/x-raw" : "image/jpeg", caps);
	int length = snprintf(out, GST_PIPELINE_BYTES, "%s%s ! appsink name=zoetrope caps=\"" PICTURE_CAPS "\"",
	                      request->source, steps);
	if (length >= GST_PIPELINE_BYTES)
		return gst_words_fail(request, -EINVAL, "is too long", error);
	return 0;
}

/* What GStreamer says, without secrets, before any of it is cut off in the middle of one. To be freed. */
static char *without_logins(const struct camera_request *request, const GError *reason)
{
	char *text = g_strdup(reason->message);
	login_hide_all(text, request->source);
	return text;
}

int gst_words_parse_error(const struct camera_request *request, const GError *reason, char *error)
{
	char text[CAMERA_ERROR_BYTES], *message = without_logins(request, reason);

	if (reason->code == GST_PARSE_ERROR_NO_SUCH_ELEMENT)
		snprintf(text, sizeof(text), "cannot be built: %.200s; gst-inspect-1.0 lists those that are installed",
		         message);
	else if (reason->code == GST_PARSE_ERROR_LINK)
		snprintf(text, sizeof(text),
		         "cannot be linked (%.100s): it must end in raw video or JPEG, not in a sink; videoconvert at "
		         "its end makes raw video of what is near to it",
		         message);
	else
		snprintf(text, sizeof(text), "cannot be understood: %.250s", message);
	g_free(message);
	return gst_words_fail(request, -EINVAL, text, error);
}

/*
 * The element that failed. GStreamer's own names have a number that grows with each attempt (filesrc0, filesrc1), which
 * tells nobody anything, and would make the same failure another sentence each time: then it is the element's kind.
 */
static const char *who_failed(GstMessage *message)
{
	const char *name = GST_MESSAGE_SRC_NAME(message);
	GstElementFactory *factory = GST_IS_ELEMENT(GST_MESSAGE_SRC(message))
	                                 ? gst_element_get_factory(GST_ELEMENT(GST_MESSAGE_SRC(message)))
	                                 : NULL;
	const char *kind = factory ? GST_OBJECT_NAME(factory) : NULL;

	if (!kind || !g_str_has_prefix(name, kind))
		return name;
	const char *number = name + strlen(kind);
	return number[strspn(number, "0123456789")] ? name : kind;
}

int gst_words_message(const struct camera_request *request, GstMessage *message, char *error)
{
	GError *reason = NULL;
	char text[CAMERA_ERROR_BYTES];

	gst_message_parse_error(message, &reason, NULL);
	char *harmless = without_logins(request, reason);
	snprintf(text, sizeof(text), "failed in %s: %.250s", who_failed(message), harmless);
	g_free(harmless);
	g_error_free(reason);
	return gst_words_fail(request, -EIO, text, error);
}
