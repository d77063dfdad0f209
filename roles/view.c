/* SPDX-License-Identifier: Apache-2.0 */
/*
 * zoetrope-view DOMAIN WHAT, started by `zoetrope view`. WHAT is a camera of a running Zoetrope, or a file or a
 * source's URI, which then gets a camera process of its own. See view.h.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/login.h"
#include "common/metrics.h"
#include "drivers/encoder/encoder.h"
#include "view.h"

#define VIEW_RETRY_NS 100000000
#define VIEW_WAIT_NS  10000000 /* for a frame, before keys are looked at again */

struct view {
	struct window window;
	struct source source;
	struct zoe_domain *domain;
	char topic[ZOE_TOPIC_NAME_MAX + 1];
	struct zoe_subscriber *frames, *detections;
	int64_t tried_ns;       /* to subscribe */
	struct zoe_frame frame; /* that is shown; held while paused */
	struct result_set results;
	bool paused, without_boxes, snapshot, quit;
	uint64_t shown, passed_over;
	struct metrics_rate rate;
	struct metrics_window latency;
};

static volatile sig_atomic_t view_stopped;

static void view_stop(int signal)
{
	view_stopped = 1;
}

static void view_key(struct view *view, SDL_Keycode key)
{
	switch (key) {
	case SDLK_q:
	case SDLK_ESCAPE:
		view->quit = true;
		break;
	case SDLK_SPACE:
		view->paused = !view->paused;
		break;
	case SDLK_s:
		view->snapshot = true;
		break;
	case SDLK_f:
		window_full(&view->window, !view->window.full);
		break;
	case SDLK_o:
		view->without_boxes = !view->without_boxes;
		break;
	default:
		break;
	}
}

/* Did anything happen that wants the window to be drawn again? */
static bool view_events(struct view *view)
{
	SDL_Event event;
	bool any = false;
	while (SDL_PollEvent(&event)) {
		if (event.type == SDL_QUIT)
			view->quit = true;
		else if (event.type == SDL_KEYDOWN && !event.key.repeat)
			view_key(view, event.key.keysym.sym);
		any |= event.type == SDL_KEYDOWN || event.type == SDL_WINDOWEVENT;
	}
	return any;
}

/* A subscription that is lost is opened again; so is one whose topic is not there yet. */
static void view_subscribe(struct view *view)
{
	char detections[sizeof(view->topic) + 16];
	int64_t now_ns = zoe_now_ns();
	if ((view->frames && view->detections) || now_ns - view->tried_ns < VIEW_RETRY_NS)
		return;
	view->tried_ns = now_ns;
	snprintf(detections, sizeof(detections), "%s/detections", view->topic);
	if (!view->frames && zoe_subscriber_open(view->domain, view->topic, NULL, &view->frames) < 0)
		view->frames = NULL;
	if (!view->detections && zoe_subscriber_open(view->domain, detections, NULL, &view->detections) < 0)
		view->detections = NULL;
}

static void view_results(struct view *view)
{
	struct zoe_frame message;
	const struct result *result;
	int status = -EAGAIN;
	while (view->detections && (status = zoe_take_next(view->detections, 0, &message)) == 0) {
		result_set_add(&view->results, &message, &result);
		zoe_release(view->detections, &message);
	}
	if (status < 0 && status != -EAGAIN && status != -EINTR) {
		zoe_subscriber_close(view->detections);
		view->detections = NULL;
	}
}

/* The newest frame into the window. Returns whether there was one. */
static bool view_frame(struct view *view)
{
	if (!view->frames || view->paused) {
		SDL_Delay(VIEW_WAIT_NS / 1000000);
		return false;
	}
	if (view->frame.data)
		zoe_release(view->frames, &view->frame);
	int status = zoe_take_latest(view->frames, VIEW_WAIT_NS, &view->frame);
	if (status < 0) {
		view->frame = (struct zoe_frame){.capture_ns = view->frame.capture_ns};
		if (status == -EAGAIN || status == -ETIMEDOUT || status == -EINTR)
			return false;
		fprintf(stderr, "zoetrope: view: reading %s: %s\n", view->topic, zoe_error());
		zoe_subscriber_close(view->frames);
		view->frames = NULL;
		return false;
	}
	view->passed_over += view->shown ? view->frame.lost : 0;
	return view->frame.image.format != ZOE_FORMAT_NONE && window_take(&view->window, &view->frame) == 0;
}

static void view_draw(struct view *view, bool fresh)
{
	char text[160], format[5] = "";
	int64_t latency_ns = 0;
	metrics_percentile(&view->latency, 50, &latency_ns);
	const struct zoe_image *image = &view->window.image;
	if (image->format)
		zoe_format_name(image->format, format);
	if (view->shown)
		snprintf(text, sizeof(text), "%.40s  %ux%u %s  %.1f fps  %.1f ms%s", view->topic, image->width,
		         image->height, format, metrics_per_second(&view->rate, zoe_now_ns()), (double)latency_ns / 1e6,
		         view->paused ? "  paused" : "");
	else
		snprintf(text, sizeof(text), "waiting for pictures of %.60s", view->topic);
	window_draw(&view->window, view->without_boxes ? NULL : &view->results, view->frame.capture_ns, text);
	if (!fresh)
		return;
	int64_t now_ns = zoe_now_ns();
	view->shown++;
	metrics_event(&view->rate, now_ns);
	metrics_add(&view->latency, now_ns - view->frame.capture_ns);
}

/* TOPIC-SEQUENCE.jpg in the present folder, without boxes. */
static void view_save(struct view *view)
{
	char name[160], error[ENCODER_ERROR_BYTES] = "";
	void *encoder = NULL;
	const unsigned char *data;
	size_t size;
	if (!view->frame.data)
		return; /* the next frame will do */
	view->snapshot = false;
	snprintf(name, sizeof(name), "%.100s-%llu.jpg", view->topic, (unsigned long long)view->frame.seq);
	for (char *slash = name; (slash = strchr(slash, '/'));)
		*slash = '-';
	int status = encoder_jpeg.open(95, &encoder);
	if (!status)
		status = encoder_jpeg.encode(encoder, &view->frame.image, view->frame.data, view->frame.size, &data,
		                             &size, error);
	FILE *file = status ? NULL : fopen(name, "wbe");
	bool written = file && fwrite(data, size, 1, file) == 1;
	written = file && !fclose(file) && written;
	if (written)
		printf("zoetrope: view: saved %s\n", name);
	else
		fprintf(stderr, "zoetrope: view: cannot save %s: %s\n", name, error[0] ? error : strerror(errno));
	fflush(stdout);
	encoder_jpeg.close(encoder);
}

static void view_loop(struct view *view)
{
	bool ended = false;
	while (!view->quit && !view_stopped) {
		view_subscribe(view);
		bool fresh = view_frame(view);
		view_results(view);
		if (view->snapshot)
			view_save(view);
		if (view_events(view) || fresh || !view->shown)
			view_draw(view, fresh);
		ended |= source_ended(&view->source);
		if (ended && !view->shown)
			view->quit = true; /* it has said why */
	}
}

/* What stands above the window: a camera's name, or where the pictures come from, without its login. */
static void view_title(const char *what, char *out, size_t room)
{
	char *title = strdup(what);
	if (title)
		login_hide(title);
	snprintf(out, room, "%s", title ? title : "");
	free(title);
}

/* What was asked for may be in the environment, for it may hold a login. */
static int view_open(struct view *view, const char *domain, const char *argument)
{
	const char *by_variable = strncmp(argument, "${", 2) ? NULL : getenv(LOGIN_SOURCE);
	const char *what = by_variable ? by_variable : argument;
	char title[256];
	bool own = strchr(what, ':') || access(what, F_OK) == 0;
	if (own && source_start(&view->source, argument) < 0)
		return -EIO;
	if (strlen(what) > ZOE_TOPIC_NAME_MAX && !own) {
		fprintf(stderr, "zoetrope: view: '%.40s...' is neither a file nor the name of a camera\n", what);
		return -EINVAL;
	}
	snprintf(view->topic, sizeof(view->topic), "%s", own ? SOURCE_TOPIC : what);
	if (zoe_domain_open(own ? view->source.domain : domain, &view->domain) < 0) {
		fprintf(stderr, "zoetrope: view: %s\n", zoe_error());
		return -EIO;
	}
	view_title(what, title, sizeof(title));
	return window_open(&view->window, title);
}

int main(int argc, char **argv)
{
	struct view view = {0};
	if (argc != 3) {
		fprintf(stderr, "zoetrope: view: start it with: zoetrope view CAMERA|FILE|SOURCE\n");
		return 2;
	}
	signal(SIGINT, view_stop);
	signal(SIGTERM, view_stop);
	SDL_SetHint(SDL_HINT_NO_SIGNAL_HANDLERS, "1");
	int status = view_open(&view, argv[1][0] ? argv[1] : NULL, argv[2]);
	if (!status)
		view_loop(&view);
	int64_t p50_ns = 0, p99_ns = 0;
	metrics_percentile(&view.latency, 50, &p50_ns);
	metrics_percentile(&view.latency, 99, &p99_ns);
	if (view.shown)
		printf(
		    "zoetrope: view: %llu frames shown, %llu passed over, capture to shown p50 %.1f ms, p99 %.1f ms\n",
		    (unsigned long long)view.shown, (unsigned long long)view.passed_over, (double)p50_ns / 1e6,
		    (double)p99_ns / 1e6);
	zoe_subscriber_close(view.frames);
	zoe_subscriber_close(view.detections);
	zoe_domain_close(view.domain);
	source_stop(&view.source);
	result_set_finish(&view.results);
	window_close(&view.window);
	SDL_Quit();
	return status || !view.shown ? 1 : 0;
}
