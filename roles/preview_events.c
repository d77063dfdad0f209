/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Server-sent events: "detections" as they come, "state" once a second and on change. All listeners read the same short
 * ring; who falls behind is told how many events it lost, and goes on with the newest.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preview.h"

struct listener {
	struct watcher watcher; /* first: woken() gets this */
	struct preview *preview;
	struct connection *connection;
	struct MHD_Connection *mhd;
	uint64_t cursor;
	struct event *event; /* being sent */
	size_t position;
	bool suspended, gone;
};

void event_drop(struct event *event)
{
	if (event && --event->references == 0)
		free(event);
}

static struct event *event_create(const char *name, const char *json)
{
	size_t length = strlen(json), room = strlen(name) + length + sizeof("retry: 500\nevent: \ndata: \n\n");
	struct event *event = malloc(sizeof(*event) + room);
	if (!event)
		return NULL;
	*event = (struct event){.references = 1, .name = name, .data_size = length};
	event->data = (size_t)snprintf(event->text, room, "retry: 500\nevent: %s\ndata: ", name);
	event->size = event->data + (size_t)snprintf(event->text + event->data, room - event->data, "%s\n\n", json);
	return event;
}

static struct event *event_from_json(const char *name, const json_t *data)
{
	char *text = data ? json_dumps(data, JSON_COMPACT | JSON_REAL_PRECISION(12)) : NULL;
	if (!text)
		return NULL;
	struct event *event = event_create(name, text);
	free(text);
	return event;
}

struct event *event_first(struct preview *preview, uint64_t *out_cursor)
{
	json_t *state = state_json(preview);
	struct event *event = event_from_json("state", state);
	json_decref(state);
	*out_cursor = preview->events.count;
	return event;
}

struct event *event_next(struct preview *preview, uint64_t *cursor)
{
	struct events *events = &preview->events;
	if (*cursor == events->count)
		return NULL;
	uint64_t behind = events->count - *cursor;
	if (behind > PREVIEW_EVENTS) {
		char text[64];
		snprintf(text, sizeof(text), "{\"lost\":%llu}", (unsigned long long)(behind - 1));
		*cursor = events->count - 1;
		return event_create("lost", text);
	}
	struct event *event = events->ring[(*cursor)++ % PREVIEW_EVENTS];
	if (event)
		event->references++;
	return event;
}

void events_send(struct preview *preview, const char *name, const json_t *data)
{
	struct events *events = &preview->events;
	if (!events->listeners)
		return;
	struct event *event = event_from_json(name, data);
	if (!event)
		return;
	struct event **place = &events->ring[events->count % PREVIEW_EVENTS];
	event_drop(*place);
	*place = event;
	events->count++;
	watchers_wake(events->watchers);
}

/* Detections are subscribed to while somebody listens. */
static void events_changed(struct preview *preview, int change)
{
	preview->events.listeners += (unsigned)change;
	for (size_t i = 0; i < preview->camera_count && !preview->http.closing; i++)
		camera_update(&preview->cameras[i]);
}

void events_watch(struct preview *preview, struct watcher *watcher)
{
	watcher_add(&preview->events.watchers, watcher);
	events_changed(preview, 1);
}

void events_unwatch(struct preview *preview, struct watcher *watcher)
{
	if (!watcher->link)
		return;
	watcher_remove(watcher);
	events_changed(preview, -1);
}

void events_finish(struct preview *preview)
{
	for (size_t i = 0; i < PREVIEW_EVENTS; i++) {
		event_drop(preview->events.ring[i]);
		preview->events.ring[i] = NULL;
	}
}

/* ---- as server-sent events ---- */

static void listener_woken(struct watcher *watcher)
{
	struct listener *listener = (struct listener *)watcher;
	if (!listener->suspended)
		return;
	listener->suspended = false;
	MHD_resume_connection(listener->mhd);
	http_wake(listener->preview);
}

static void listener_gone(void *stream)
{
	struct listener *listener = stream;
	listener->gone = true;
	listener_woken(&listener->watcher);
}

static void listener_free(void *user)
{
	struct listener *listener = user;
	listener->connection->stream = NULL;
	event_drop(listener->event);
	events_unwatch(listener->preview, &listener->watcher);
	free(listener);
}

static ssize_t listener_read(void *user, uint64_t position, char *out, size_t room)
{
	struct listener *listener = user;
	if (listener->gone)
		return MHD_CONTENT_READER_END_WITH_ERROR;
	if (!listener->event || listener->position == listener->event->size) {
		event_drop(listener->event);
		listener->position = 0;
		listener->event = event_next(listener->preview, &listener->cursor);
	}
	if (!listener->event) {
		listener->suspended = true;
		MHD_suspend_connection(listener->mhd);
		return 0;
	}
	size_t left = listener->event->size - listener->position, count = left < room ? left : room;
	memcpy(out, listener->event->text + listener->position, count);
	listener->position += count;
	return (ssize_t)count;
}

enum MHD_Result events_answer(struct request *request)
{
	struct listener *listener = calloc(1, sizeof(*listener));
	if (!listener)
		return MHD_NO;
	struct MHD_Response *response =
	    MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, 16384, listener_read, listener, listener_free);
	if (!response) {
		free(listener);
		return MHD_NO;
	}
	listener->watcher.woken = listener_woken;
	listener->preview = request->preview;
	listener->connection = request->connection;
	listener->mhd = request->mhd;
	listener->event = event_first(request->preview, &listener->cursor); /* what holds now comes first */
	events_watch(request->preview, &listener->watcher);
	request->connection->stream = listener;
	request->connection->gone = listener_gone;
	request->connection->endless = true;
	MHD_set_response_options(response, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "text/event-stream");
	return answer_response(request, MHD_HTTP_OK, response);
}
