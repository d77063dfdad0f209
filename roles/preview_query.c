/* SPDX-License-Identifier: Apache-2.0 */
/* Parameters in an address, and what is said when one is wrong. See preview.h. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preview.h"

#define QUERY_ERROR_BYTES 256

static const char *query_value(const struct request *request, const char *name)
{
	return MHD_lookup_connection_value(request->mhd, MHD_GET_ARGUMENT_KIND, name);
}

/* A number within bounds; what is absent stays as it is. */
static int query_number(const struct request *request, const char *name, double least, double most, bool whole,
                        double *value, char *error)
{
	const char *text = query_value(request, name);
	if (!text)
		return 0;
	char *end;
	double number = strtod(text, &end);
	if (end != text && !*end && number >= least && number <= most && (!whole || number == floor(number))) {
		*value = number;
		return 0;
	}
	snprintf(error, QUERY_ERROR_BYTES, "%s must be a %snumber from %g to %g, but is \"%.80s\"", name,
	         whole ? "whole " : "", least, most, text);
	return -EINVAL;
}

static int query_switch(const struct request *request, const char *name, bool *value, char *error)
{
	double number = *value;
	int status = query_number(request, name, 0, 1, true, &number, error);
	*value = number > 0;
	return status;
}

static int query_overlay(const struct request *request, struct variant_options *options, char *error)
{
	const char *text = query_value(request, "overlay");
	if (!text || !strcmp(text, "0"))
		options->overlay = OVERLAY_NONE;
	else if (!strcmp(text, "1"))
		options->overlay = OVERLAY_NEWEST;
	else if (!strcmp(text, "exact"))
		options->overlay = OVERLAY_EXACT;
	else {
		snprintf(error, QUERY_ERROR_BYTES, "overlay must be 0, 1 or exact, but is \"%.80s\"", text);
		return -EINVAL;
	}
	return 0;
}

int query_options(const struct request *request, struct variant_options *out, char *error)
{
	double fps = 0, height = 0, quality = 0;
	struct variant_options options = {0};
	if (query_number(request, "fps", 0.1, 240, false, &fps, error) < 0 ||
	    query_number(request, "height", 16, 8640, true, &height, error) < 0 ||
	    query_number(request, "quality", 1, 100, true, &quality, error) < 0 ||
	    query_overlay(request, &options, error) < 0)
		return -EINVAL;
	options.fps = fps;
	options.height = (unsigned)height;
	options.quality = (unsigned)quality;
	*out = options;
	return 0;
}

static int query_camera(const struct request *request, struct query *query, const char *name, char *error)
{
	struct preview_camera *camera = camera_find(request->preview, name);
	if (!camera) {
		snprintf(error, QUERY_ERROR_BYTES, "%.64s", name);
		return -ENOENT;
	}
	for (size_t i = 0; i < query->count; i++) {
		if (query->cameras[i] != camera)
			continue;
		snprintf(error, QUERY_ERROR_BYTES, "cameras names %s twice", camera->name);
		return -EINVAL;
	}
	query->cameras[query->count++] = camera;
	return 0;
}

int query_stream(const struct request *request, struct query *out, char *error)
{
	struct preview *preview = request->preview;
	const char *names = query_value(request, "cameras");
	struct query query = {.cameras = calloc(preview->camera_count + 1, sizeof(struct preview_camera *)),
	                      .events = true};
	char *copy = strdup(names ? names : ""), *rest = copy;
	int status = query.cameras && copy ? query_options(request, &query.options, error) : -ENOMEM;
	if (!status)
		status = query_switch(request, "events", &query.events, error);
	for (char *name; !status && names && (name = strsep(&rest, ","));)
		status = query_camera(request, &query, name, error);
	for (size_t i = 0; !status && !names && i < preview->camera_count; i++)
		query.cameras[query.count++] = &preview->cameras[i];
	free(copy);
	if (status < 0) {
		free(query.cameras);
		return status;
	}
	*out = query;
	return 0;
}
