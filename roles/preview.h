/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The preview role: one thread, one event loop. Each camera's frames are encoded once for all who watch, and only while
 * somebody does; each viewer is sent encoded pictures at its own pace out of a short queue.
 *
 *   preview.c           the role: start, switches, heartbeat
 *   preview_camera.c    a camera: its subscriptions
 *   preview_variant.c   what is encoded of it, once for each set of parameters that somebody watches
 *   preview_exact.c     boxes of the very frame: who waits for them
 *   preview_away.c      what is shown of a camera that gives no pictures
 *   preview_picture.c   encoded pictures and the queue of the newest ones
 *   overlay.c           what is drawn into a picture (overlay_font.c has the letters)
 *   preview_http.c      libmicrohttpd in the loop; requests from their first byte to their last
 *   preview_guard.c     who may ask: address, Host, token
 *   preview_route.c     which answer belongs to which path
 *   preview_query.c     parameters in an address
 *   preview_stream.c    multipart streams of one camera or many, with events or without
 *   preview_snapshot.c  single pictures
 *   preview_events.c    server-sent events
 *   preview_state.c     JSON of state and metrics
 *   preview_topics.c    JSON of who reads what
 */
#ifndef ZOETROPE_PREVIEW_H
#define ZOETROPE_PREVIEW_H

#include <microhttpd.h>

#include "common/metrics.h"
#include "common/role.h"
#include "drivers/encoder/encoder.h"
#include "feed.h"
#include "overlay.h"
#include "result.h"

#define PREVIEW_QUEUE        8 /* encoded pictures kept for viewers: 0.3 s at 25 a second */
#define PREVIEW_VARIANTS     8 /* of a camera at a time */
#define PREVIEW_EVENTS       64
#define PREVIEW_CONNECTIONS  200
#define PREVIEW_BODY_BYTES   4096
#define PREVIEW_HEAD_BYTES   768
#define PREVIEW_SNAPSHOT_NS  2000000000
#define PREVIEW_EXACT_NS     1000000000 /* who wants exact boxes gets pictures without, after so long without a result */
#define PREVIEW_REQUEST_NS   10000000000 /* a request has to be there within this, with its body */
#define PREVIEW_ANSWER_NS    30000000000 /* an answer that ends has to be read within this */
#define PREVIEW_IDLE_SECONDS 30          /* connections without progress are closed */

/* ---- pictures ---- */

/* An encoded picture, shared by all who are sending it. */
struct picture {
	unsigned references;
	const char *camera; /* lives as long as preview */
	uint64_t seq;
	int64_t capture_ns, publish_ns, encode_begin_ns, encode_end_ns;
	bool has_result; /* the newest result when it was encoded */
	uint64_t result_seq;
	int64_t result_age_ns; /* how much older than this picture the result's picture is */
	unsigned width, height;
	char away[16]; /* it is the last one of a camera in that state; "" = a picture of its own */
	size_t size;
	unsigned char data[];
};

struct picture_queue {
	struct picture *ring[PREVIEW_QUEUE];
	uint64_t count; /* pictures put in so far */
};

struct picture *picture_create(const void *data, size_t size); /* one reference; NULL = no memory */
struct picture *picture_hold(struct picture *picture);
void picture_drop(struct picture *picture);
void picture_queue_put(struct picture_queue *queue, struct picture *picture); /* takes the reference over */
void picture_queue_empty(struct picture_queue *queue);
/* The next picture for a reader at *cursor, held; NULL = none yet. A reader too far behind jumps to the newest. */
struct picture *picture_queue_next(const struct picture_queue *queue, uint64_t *cursor);
/* Header lines of a picture that is sent now, each ended by CR LF. Returns their length. */
size_t picture_headers(const struct picture *picture, char *out, size_t room, int64_t send_ns);

/* ---- cameras ---- */

struct preview;
struct preview_camera;

/* Somebody who waits for pictures of a variant, or for events. Part of a stream's or a request's own struct. */
struct watcher {
	struct watcher *next, **link;
	void (*woken)(struct watcher *watcher); /* something has been put into the queue */
};

void watcher_add(struct watcher **list, struct watcher *watcher);
void watcher_remove(struct watcher *watcher); /* fine if it is on no list */
void watchers_wake(struct watcher *list);     /* each may remove itself */

/* How a camera's pictures are wanted. */
struct variant_options {
	double fps;       /* at most so many a second; 0 = all */
	unsigned height;  /* at most so high, the width in proportion; 0 = as it is */
	unsigned quality; /* of JPEG; 0 = as configured, and JPEG from the camera passes through */
	enum { OVERLAY_NONE, OVERLAY_NEWEST, OVERLAY_EXACT } overlay; /* boxes and labels in it, and which */
};

/* What is encoded once for all who want it so. Lives as long as somebody watches it. */
struct variant {
	struct variant *next;
	struct preview_camera *camera;
	struct variant_options options;
	void *encoder; /* encoder_jpeg's */
	struct picture_queue queue;
	struct watcher *watchers;
	int64_t due_ns; /* capture time from which on the next frame is wanted */
};

/* Find it or make it. Returns 0 | -ENOMEM | -EMFILE (PREVIEW_VARIANTS others are watched) */
int variant_get(struct preview_camera *camera, const struct variant_options *options, struct variant **out);
/* Free those of a camera that nobody watches any more; all: in any case. */
void variants_sweep(struct preview_camera *camera, bool all);
/* Does somebody watch the camera's pictures as they come, so that JPEG would pass through? */
bool variants_pass(const struct preview_camera *camera);
/* Put a picture into the queues of all variants that are watched, and wake who waits. */
void variants_show(struct preview_camera *camera, struct picture *picture);
/* Encode for those who want exact boxes, or for all others. Returns how many variants have got a picture. */
unsigned variants_deliver(struct preview_camera *camera, const struct zoe_frame *frame, bool exact);
/* Of a camera's JPEG the number of the frame with its pixels, which is that of its detections. */
uint64_t variant_number(const struct zoe_frame *frame);

#define EXACT_RESULTS (16 * DETECTORS_MAX) /* a camera's topic keeps 16 frames unless told otherwise */

/* For viewers who want the boxes of the very frame. */
struct exact {
	struct zoe_subscriber *late; /* comes behind, up to the frame of each result; NULL = nobody wants exact boxes */
	int64_t shown_ns;            /* when a frame was last shown with its results, or somebody began to want that */
	uint64_t newest_seq;         /* of the frames */
	unsigned patience;           /* so many newer frames are awaited for results that are missing */
	struct result *results[EXACT_RESULTS]; /* of frames that are not shown yet, as they came */
	unsigned count;
};

struct preview_camera {
	struct preview *preview;
	const char *name;
	bool on; /* the switch */
	struct feed frames;
	struct feed jpegs; /* in place of frames if the camera sends JPEG, and somebody watches it as it is */
	struct feed detections;
	struct result_set results;
	struct exact exact;
	struct variant *variants;
	unsigned viewers; /* streams */
	struct overlay_canvas canvas;
	char trouble[ENCODER_ERROR_BYTES]; /* why the last frame could not be encoded, "" */

	struct picture *last;   /* that was encoded; NULL = none yet */
	int64_t last_ns;        /* when it was */
	struct picture *notice; /* what is shown while the camera is away, for the state and reason in notice_text */
	char notice_text[320];

	uint64_t encoded, drops;
	struct metrics_rate rate;
	/* publish to begin of encoding; encoding; its end to begin of sending; capture to that */
	struct metrics_window taken, encode, send, latency;
	struct metrics_window result_age;
};

/* Look whether somebody wants exact boxes. */
void exact_update(struct preview_camera *camera);
void exact_close(struct preview_camera *camera);
/* A result has come; a frame has. The latter returns how many variants have got a picture. */
void exact_add(struct preview_camera *camera, const struct result *result);
unsigned exact_frame(struct preview_camera *camera, const struct zoe_frame *frame);
/* The next result of that very frame; *at begins with 0. NULL = no more. */
const struct result *exact_result(const struct preview_camera *camera, const struct zoe_frame *frame, unsigned *at);

int camera_open(struct preview_camera *camera, struct preview *preview, const char *name);
void camera_close(struct preview_camera *camera);
void camera_turn(struct preview_camera *camera, bool on);
/* Look again at what has to be subscribed to. */
void camera_update(struct preview_camera *camera);
/* Once a second and on change: show the camera's last picture and its state, if that is what there is to see. */
void camera_look_away(struct preview_camera *camera, const json_t *system);
/* The camera's state, or NULL. */
const json_t *state_known_camera(const struct preview *preview, const struct preview_camera *camera);
/* A frame was encoded. */
void camera_remember(struct preview_camera *camera, struct picture *picture);
void camera_away_forget(struct preview_camera *camera);
struct preview_camera *camera_find(struct preview *preview, const char *name);

/* ---- server-sent events ---- */

struct event {
	unsigned references;
	const char *name;       /* "state", "detections", "lost" */
	size_t data, data_size; /* where its JSON stands in text */
	size_t size;
	char text[]; /* as server-sent event */
};

struct events {
	struct event *ring[PREVIEW_EVENTS];
	uint64_t count;
	struct watcher *watchers;
	unsigned listeners;
};

void events_watch(struct preview *preview, struct watcher *watcher);
void events_unwatch(struct preview *preview, struct watcher *watcher);
/* What holds now, for somebody who begins to listen: the state. NULL = no memory. */
struct event *event_first(struct preview *preview, uint64_t *out_cursor);
/* The next event for a listener at *cursor, or a word about those that it was too slow for; NULL = none yet. */
struct event *event_next(struct preview *preview, uint64_t *cursor);
void event_drop(struct event *event);

/* Send an event to all who listen. */
void events_send(struct preview *preview, const char *name, const json_t *data);
void events_finish(struct preview *preview);

/* ---- HTTP ---- */

struct http {
	struct MHD_Daemon *daemon;
	int listen_fd;
	char address[80]; /* as it listens, "127.0.0.1:8090" */
	char host[64];    /* address alone, as it may stand in Host */
	bool loopback;
	uv_poll_t *poll;
	uv_timer_t *timer, *sweep;
	struct connection *connections;
	unsigned connection_count;
	bool closing;
};

/* What a connection is doing; its struct lives as long as the socket. */
struct connection {
	struct connection *next, **link;
	struct preview *preview;
	int fd;
	int64_t begin_ns; /* when the present request was first waited for; then: when its answer began */
	bool answering;   /* the request is there */
	bool endless;     /* its answer has no end by nature: a stream, events */
	void *stream;     /* who is to be told when the peer has gone */
	void (*gone)(void *stream);
	void (*tick)(void *stream); /* once a second; may be NULL */
};

/* One request. */
struct request {
	struct connection *connection;
	struct MHD_Connection *mhd;
	struct preview *preview;
	char path[256];
	char method[8];
	char body[PREVIEW_BODY_BYTES + 1];
	size_t body_size;
	bool body_too_large;
	bool suspended;
	struct switching *switching; /* a PUT that control is at work on */
	struct snapshot *snapshot;   /* a snapshot that waits for a picture */
};

int http_open(struct preview *preview);
void http_close(struct preview *preview);
/* Let libmicrohttpd run after this turn of the loop: something was resumed. */
void http_wake(struct preview *preview);
void request_suspend(struct request *request);
void request_resume(struct request *request);
/* Answers. They take the JSON's reference; `headers` of others are set on the response by the caller. */
enum MHD_Result answer_json(struct request *request, unsigned status, json_t *json);
enum MHD_Result answer_error(struct request *request, unsigned status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
enum MHD_Result answer_bytes(struct request *request, const char *type, const void *data, size_t size);
/* Why variant_get() failed. */
enum MHD_Result answer_variant(struct request *request, const struct preview_camera *camera, int status);
/* Queue a response with the headers that every answer has, and give it up. */
enum MHD_Result answer_response(struct request *request, unsigned status, struct MHD_Response *response);

/* Parse and check `listen` and `token`. Returns 0 | -EINVAL after role_error(). */
int guard_open(struct preview *preview);
/* Does this request come from where it may, whoever sends it? Returns MHD_HTTP_OK, else the status for *out_reason. */
unsigned guard_origin(struct request *request, const char **out_reason);
/* Has it the token, if there is one? out_cookie: it was in the address. */
bool guard_token(struct request *request, bool *out_cookie);
/* Is this form, "token=...", the right one? */
bool guard_form(const struct request *request);
/* The header line that lets a browser keep the token. */
void guard_cookie(const struct request *request, char *out, size_t room);

/* Begin the answer of a request whose headers and body are there. */
enum MHD_Result route_request(struct request *request);
/* Go on after request_resume(). */
enum MHD_Result route_continue(struct request *request);
/* The request ends, answered or not. */
void route_finish(struct request *request);

/* What an address asks for. */
struct query {
	struct variant_options options;
	bool events; /* as parts of the stream */
	size_t count;
	struct preview_camera **cameras; /* free() them */
};

/* Read the parameters that a picture may have. Returns 0 | -EINVAL, with the sentence in error[256]. */
int query_options(const struct request *request, struct variant_options *out, char *error);
/* And those of a stream of many cameras; all of them if none is named. Returns 0 | -EINVAL | -ENOENT | -ENOMEM */
int query_stream(const struct request *request, struct query *out, char *error);

enum MHD_Result stream_answer(struct request *request, const struct query *query);
enum MHD_Result snapshot_answer(struct request *request, struct preview_camera *camera,
                                const struct variant_options *options);
enum MHD_Result snapshot_continue(struct request *request);
void snapshot_finish(struct request *request);
enum MHD_Result events_answer(struct request *request);

/* ---- the role ---- */

struct preview {
	struct role *role;
	const struct preview_config *config;
	struct http http;
	struct events events;
	struct preview_camera *cameras;
	size_t camera_count;
	struct converter *converter;
	json_t *system; /* what control said last; NULL: alone, or nothing yet */
	uv_timer_t *second;
	int64_t begin_ns;
};

unsigned preview_viewers(const struct preview *preview);
json_t *state_metrics(struct preview *preview);
/* Who writes and who reads each topic. */
json_t *topics_json(struct preview *preview);
/* Does every process do its work, or is there a good reason why not? If not, the sentence is in out. */
bool state_ready(const struct preview *preview, char *out, size_t room);
/* The system's state, or our own part of it when control has said nothing. */
json_t *state_json(struct preview *preview);
json_t *state_camera(struct preview *preview, const struct preview_camera *camera);
/* What control has answered holds before its next state comes. Does not take the reference. */
void state_learn_switch(const struct preview_camera *camera, const char *verb, json_t *answer);
json_t *state_switch(struct preview *preview, const struct preview_camera *camera,
                     const char *verb); /* NULL = not known */

#endif
