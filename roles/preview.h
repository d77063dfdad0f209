/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The preview role: one thread, one event loop. Each camera's frames are encoded once for all who watch, and only while
 * somebody does; each viewer is sent encoded pictures at its own pace out of a short queue.
 *
 *   preview.c           the role: start, switches, heartbeat
 *   preview_camera.c    a camera: subscriptions, encoding, who waits for pictures
 *   preview_away.c      what is shown of a camera that gives no pictures
 *   preview_picture.c   encoded pictures and the queue of the newest ones
 *   preview_overlay.c   boxes and labels drawn into a picture (preview_font.c has the letters)
 *   preview_http.c      libmicrohttpd in the loop; requests from their first byte to their last
 *   preview_guard.c     who may ask: address, Host, token
 *   preview_route.c     which answer belongs to which path
 *   preview_stream.c    multipart streams and snapshots
 *   preview_events.c    server-sent events
 *   preview_state.c     JSON of state and metrics
 */
#ifndef ZOETROPE_PREVIEW_H
#define ZOETROPE_PREVIEW_H

#include <microhttpd.h>

#include "common/metrics.h"
#include "common/role.h"
#include "drivers/encoder/encoder.h"
#include "feed.h"
#include "result.h"

#define PREVIEW_QUEUE        8 /* encoded pictures kept for viewers: 0.3 s at 25 a second */
#define PREVIEW_EVENTS       64
#define PREVIEW_CONNECTIONS  200
#define PREVIEW_BODY_BYTES   4096
#define PREVIEW_HEAD_BYTES   768
#define PREVIEW_SNAPSHOT_NS  2000000000
#define PREVIEW_HEADERS_NS   10000000000 /* a request's headers have to be there within this */
#define PREVIEW_IDLE_SECONDS 30          /* connections without progress are closed */

/* ---- pictures ---- */

/* An encoded picture, shared by all who are sending it. */
struct picture {
	unsigned references;
	uint64_t seq;
	int64_t capture_ns, publish_ns, encode_begin_ns, encode_end_ns;
	bool has_result; /* the newest result when it was encoded */
	uint64_t result_seq;
	int64_t result_age_ns; /* how much older than this picture the result's picture is */
	char away[16];         /* it is the last one of a camera in that state; "" = a picture of its own */
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

enum preview_variant { VARIANT_PLAIN, VARIANT_OVERLAY, VARIANTS };

struct preview;
struct preview_camera;

/* Somebody who waits for pictures of one variant of a camera. Part of a stream's or a request's own struct. */
struct watcher {
	struct watcher *next, **link;
	void (*woken)(struct watcher *watcher); /* a picture has been put into the queue */
};

struct preview_camera {
	struct preview *preview;
	const char *name;
	bool on; /* the switch */
	struct feed frames;
	struct feed detections;
	struct result_set results;
	struct picture_queue queues[VARIANTS];
	struct watcher *watchers[VARIANTS];
	unsigned viewers;      /* streams */
	unsigned char *canvas; /* RGB that boxes are drawn into */
	size_t canvas_bytes;
	char trouble[ENCODER_ERROR_BYTES]; /* why the last frame could not be encoded, "" */

	struct picture *last; /* that was encoded; NULL = none yet */
	unsigned last_width, last_height;
	int64_t last_ns;        /* when it was */
	struct picture *notice; /* what is shown while the camera is away, for the state and reason in notice_text */
	char notice_text[320];

	uint64_t encoded, drops;
	struct metrics_rate rate;
	struct metrics_window encode, latency, result_age;
};

int camera_open(struct preview_camera *camera, struct preview *preview, const char *name);
void camera_close(struct preview_camera *camera);
void camera_turn(struct preview_camera *camera, bool on);
void camera_watch(struct preview_camera *camera, enum preview_variant variant, struct watcher *watcher);
void camera_unwatch(struct preview_camera *camera, struct watcher *watcher);
/* Look again at what has to be subscribed to. */
void camera_update(struct preview_camera *camera);
/* Put a picture, whose reference is taken over, into a variant's queue, and wake who waits for it. */
void camera_show(struct preview_camera *camera, enum preview_variant variant, struct picture *picture);
/* Once a second and on change: show the camera's last picture and its state, if that is what there is to see. */
void camera_look_away(struct preview_camera *camera, const json_t *system);
/* A frame was encoded. */
void camera_remember(struct preview_camera *camera, const struct zoe_frame *frame, struct picture *picture);
void camera_away_forget(struct preview_camera *camera);
struct preview_camera *camera_find(struct preview *preview, const char *name);

/* Draw boxes and labels into RGB24. */
void overlay_draw(unsigned char *rgb, unsigned width, unsigned height, size_t stride, const struct result *result);
/* Dim RGB24, and write a title and a sentence over it. */
void overlay_notice(unsigned char *rgb, unsigned width, unsigned height, size_t stride, const char *title,
                    const char *sentence);
extern const unsigned char overlay_font[95][13];

/* ---- server-sent events ---- */

struct event {
	unsigned references;
	size_t size;
	char text[];
};

struct events {
	struct event *ring[PREVIEW_EVENTS];
	uint64_t count;
	struct listener *listeners;
};

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
	int64_t begin_ns; /* when the headers of the present request were first waited for */
	bool headers;     /* they are there */
	void *stream;     /* who is to be told when the peer has gone */
	void (*gone)(void *stream);
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
/* Queue a response with the headers that every answer has, and give it up. */
enum MHD_Result answer_response(struct request *request, unsigned status, struct MHD_Response *response);

/* Parse and check `listen` and `token`. Returns 0 | -EINVAL after role_error(). */
int guard_open(struct preview *preview);
/* May this request be answered? Returns MHD_HTTP_OK, else the status for *out_reason; out_cookie: the token was in the
 * address. */
unsigned guard_check(struct request *request, const char **out_reason, bool *out_cookie);
/* The header line that lets a browser keep the token. */
void guard_cookie(const struct preview *preview, char *out, size_t room);

/* Begin the answer of a request whose headers and body are there. */
enum MHD_Result route_request(struct request *request);
/* Go on after request_resume(). */
enum MHD_Result route_continue(struct request *request);
/* The request ends, answered or not. */
void route_finish(struct request *request);

enum MHD_Result stream_answer(struct request *request, struct preview_camera *camera, enum preview_variant variant);
enum MHD_Result snapshot_answer(struct request *request, struct preview_camera *camera, enum preview_variant variant);
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
	unsigned listeners; /* of events */
	void *encoder;      /* encoder_jpeg's */
	struct converter *converter;
	json_t *system; /* what control said last; NULL: alone, or nothing yet */
	uv_timer_t *second;
	int64_t begin_ns;
};

unsigned preview_viewers(const struct preview *preview);
json_t *state_metrics(struct preview *preview);
/* The system's state, or our own part of it when control has said nothing. */
json_t *state_json(struct preview *preview);
json_t *state_camera(struct preview *preview, const struct preview_camera *camera);
/* What control has answered holds before its next state comes. Does not take the reference. */
void state_learn_switch(const struct preview_camera *camera, const char *verb, json_t *answer);
json_t *state_switch(struct preview *preview, const struct preview_camera *camera,
                     const char *verb); /* NULL = not known */

#endif
