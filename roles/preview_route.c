/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which answer belongs to which path. Paths are compared, never opened: nothing out of an address reaches the file
 * system. Errors are {"error": "one sentence"}.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "preview.h"
#include "web/web.h"

#define API_CAMERAS "/api/v1/cameras/"

static const char *const route_verbs[] = {"capture", "preview", "save", "detect"};

/* A PUT that control is at work on. It outlives the request if the client goes away. */
struct switching {
	struct request *request; /* NULL: gone */
	json_t *answer;          /* NULL: none yet */
	const struct preview_camera *camera;
	const char *verb; /* of route_verbs; NULL: settings */
	bool wrong;       /* what was wanted; all else that may be the matter passes */
};

static bool route_reads(const struct request *request)
{
	return !strcmp(request->method, MHD_HTTP_METHOD_GET) || !strcmp(request->method, MHD_HTTP_METHOD_HEAD);
}

static enum MHD_Result route_not_allowed(struct request *request, const char *allowed)
{
	json_t *json = json_pack("{s:s+++}", "error", request->method, " is not answered here, only ", allowed, "");
	char *text = json ? json_dumps(json, JSON_COMPACT) : NULL;
	json_decref(json);
	struct MHD_Response *response =
	    text ? MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE) : NULL;
	if (!response) {
		free(text);
		return MHD_NO;
	}
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, "application/json");
	MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, allowed);
	return answer_response(request, MHD_HTTP_METHOD_NOT_ALLOWED, response);
}

/* ---- switches ---- */

/* The members of control's line that are for a client. */
static json_t *switching_answer(const json_t *line)
{
	const char *const members[] = {"wanted", "actual", "reason", "error"};
	json_t *answer = json_object();
	for (size_t i = 0; i < sizeof(members) / sizeof(*members); i++)
		if (json_object_get(line, members[i]))
			json_object_set(answer, members[i], json_object_get(line, members[i]));
	if (!json_object_size(answer))
		json_object_set_new(answer, "error", json_string("control has gone without an answer"));
	return answer;
}

static void switching_done(void *user, const json_t *line)
{
	struct switching *switching = user;
	json_t *answer = switching_answer(line);
	if (!json_object_get(answer, "error") && switching->verb)
		state_learn_switch(switching->camera, switching->verb, answer);
	if (!switching->request) {
		json_decref(answer);
		free(switching);
		return;
	}
	switching->answer = answer;
	switching->wrong = json_is_false(json_object_get(line, "away"));
	request_resume(switching->request);
}

static void switching_gone(void *stream)
{
	struct switching *switching = stream;
	request_resume(switching->request);
}

static void switching_finish(struct request *request)
{
	struct switching *switching = request->switching;
	if (!switching)
		return;
	request->switching = NULL;
	request->connection->stream = NULL;
	switching->request = NULL;
	if (!switching->answer)
		return; /* freed when the answer comes */
	json_decref(switching->answer);
	free(switching);
}

static enum MHD_Result switching_continue(struct request *request)
{
	json_t *answer = request->switching->answer;
	if (!answer)
		return MHD_NO;
	unsigned refused = request->switching->wrong ? MHD_HTTP_BAD_REQUEST : MHD_HTTP_SERVICE_UNAVAILABLE;
	unsigned status = json_object_get(answer, "error") ? refused : MHD_HTTP_OK;
	return answer_json(request, status, json_incref(answer));
}

/* wanted: of a switch true or false; of settings, if verb is NULL, an object. */
static enum MHD_Result switching_ask(struct request *request, struct preview_camera *camera, const char *verb,
                                     const json_t *wanted)
{
	struct switching *switching = calloc(1, sizeof(*switching));
	if (!switching)
		return MHD_NO;
	*switching = (struct switching){.request = request, .camera = camera, .verb = verb};
	struct role *role = request->preview->role;
	int status = verb ? role_request(role, camera->name, verb, json_is_true(wanted), switching_done, switching)
	                  : role_request_set(role, camera->name, wanted, switching_done, switching);
	if (status == -ENOTCONN) {
		free(switching);
		return answer_error(
		    request, MHD_HTTP_SERVICE_UNAVAILABLE,
		    "preview runs alone, so there is nobody to turn %s of %s; start it with: zoetrope run",
		    verb ? verb : "settings", camera->name);
	}
	if (status < 0) {
		free(switching);
		return answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "control could not be asked: %s",
		                    strerror(-status));
	}
	request->switching = switching;
	if (switching->answer)
		return switching_continue(request);
	request->connection->stream = switching;
	request->connection->gone = switching_gone;
	request_suspend(request);
	return MHD_YES;
}

/* A body is {"on": true} or {"on": false}; of settings, any object. verb: NULL = settings. */
static enum MHD_Result route_put(struct request *request, struct preview_camera *camera, const char *verb)
{
	const char *type = MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_TYPE);
	size_t length = type ? strcspn(type, "; \t") : 0;
	if (length != strlen("application/json") || strncasecmp(type, "application/json", length))
		return answer_error(request, MHD_HTTP_UNSUPPORTED_MEDIA_TYPE,
		                    "the body must be sent with Content-Type: application/json");
	json_t *body = json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, NULL);
	const json_t *wanted = verb ? json_object_get(body, "on") : body;
	enum MHD_Result result;
	if (verb ? json_is_boolean(wanted) && json_object_size(body) == 1 : json_is_object(wanted))
		result = switching_ask(request, camera, verb, wanted);
	else
		result = answer_error(request, MHD_HTTP_BAD_REQUEST, "the body must be %s",
		                      verb ? "{\"on\": true} or {\"on\": false}"
		                           : "an object of settings, such as {\"fps\": 10}");
	json_decref(body);
	return result;
}

static enum MHD_Result route_settings(struct request *request, struct preview_camera *camera)
{
	if (!strcmp(request->method, MHD_HTTP_METHOD_PUT))
		return route_put(request, camera, NULL);
	if (!route_reads(request))
		return route_not_allowed(request, "GET, HEAD, PUT");
	json_t *state = state_camera(request->preview, camera);
	json_t *settings = json_incref(json_object_get(state, "settings"));
	json_decref(state);
	return answer_json(request, MHD_HTTP_OK, settings ? settings : json_object());
}

static enum MHD_Result route_switch(struct request *request, struct preview_camera *camera, const char *verb)
{
	if (!strcmp(request->method, MHD_HTTP_METHOD_PUT))
		return route_put(request, camera, verb);
	if (!route_reads(request))
		return route_not_allowed(request, "GET, HEAD, PUT");
	json_t *json = state_switch(request->preview, camera, verb);
	if (json)
		return answer_json(request, MHD_HTTP_OK, json);
	return answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE,
	                    "preview does not know about %s of %s: it runs alone, or control has said nothing yet",
	                    verb, camera->name);
}

/* ---- cameras ---- */

static enum MHD_Result route_no_camera(struct request *request, const char *name)
{
	const struct preview *preview = request->preview;
	char names[512] = "";
	size_t used = 0;
	for (size_t i = 0; i < preview->camera_count && used < sizeof(names) - 1; i++)
		used += (size_t)snprintf(names + used, sizeof(names) - used, "%s%s", i ? ", " : "",
		                         preview->cameras[i].name);
	if (!preview->camera_count)
		return answer_error(request, MHD_HTTP_NOT_FOUND, "there is no camera %s, and no other", name);
	return answer_error(request, MHD_HTTP_NOT_FOUND, "there is no camera %s; there is: %s", name, names);
}

/* A picture of this camera, or many. */
static enum MHD_Result route_pictures(struct request *request, struct preview_camera *camera, bool stream)
{
	struct query query = {.count = 1, .cameras = &camera};
	char error[256];
	if (query_options(request, &query.options, error) < 0)
		return answer_error(request, MHD_HTTP_BAD_REQUEST, "%s", error);
	return stream ? stream_answer(request, &query) : snapshot_answer(request, camera, &query.options);
}

/* Pictures of several cameras, and events. */
static enum MHD_Result route_stream(struct request *request)
{
	struct query query;
	char error[256];
	int status = query_stream(request, &query, error);
	if (status == -ENOENT)
		return route_no_camera(request, error);
	if (status == -EINVAL)
		return answer_error(request, MHD_HTTP_BAD_REQUEST, "%s", error);
	if (status < 0)
		return MHD_NO;
	enum MHD_Result result = stream_answer(request, &query);
	free(query.cameras);
	return result;
}

static enum MHD_Result route_camera(struct request *request, const char *rest)
{
	size_t length = strcspn(rest, "/");
	const char *leaf = rest[length] ? rest + length + 1 : "";
	char name[sizeof(request->path)];
	memcpy(name, rest, length);
	name[length] = 0;
	struct preview_camera *camera = camera_find(request->preview, name);
	if (!camera)
		return route_no_camera(request, name);
	for (size_t i = 0; i < sizeof(route_verbs) / sizeof(*route_verbs); i++)
		if (!strcmp(leaf, route_verbs[i]))
			return route_switch(request, camera, route_verbs[i]);
	if (!strcmp(leaf, "settings"))
		return route_settings(request, camera);
	bool stream = !strcmp(leaf, "stream.mjpg"), snapshot = !strcmp(leaf, "snapshot.jpg");
	if (!stream && !snapshot && leaf[0])
		return answer_error(
		    request, MHD_HTTP_NOT_FOUND,
		    "camera %s has no %s; it has: stream.mjpg, snapshot.jpg, settings, capture, preview, save, detect",
		    name, leaf);
	if (stream && strcmp(request->method, MHD_HTTP_METHOD_GET) != 0)
		return route_not_allowed(request, "GET");
	if (!route_reads(request))
		return route_not_allowed(request, "GET, HEAD");
	if (stream || snapshot)
		return route_pictures(request, camera, stream);
	return answer_json(request, MHD_HTTP_OK, state_camera(request->preview, camera));
}

/* ---- everything else ---- */

static enum MHD_Result route_go(struct request *request, const char *where, const char *cookie)
{
	struct MHD_Response *response = MHD_create_response_from_buffer(0, NULL, MHD_RESPMEM_PERSISTENT);
	if (!response)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_LOCATION, where);
	if (cookie)
		MHD_add_response_header(response, MHD_HTTP_HEADER_SET_COOKIE, cookie);
	return answer_response(request, MHD_HTTP_SEE_OTHER, response);
}

static const struct web_file *route_file(const char *path)
{
	for (const struct web_file *file = web_files; file->path; file++)
		if (!strcmp(path, file->path))
			return file;
	return NULL;
}

/* The token is right: keep it in a cookie, and take it out of the address. */
static enum MHD_Result route_keep_token(struct request *request)
{
	char cookie[400];
	guard_cookie(request, cookie, sizeof(cookie));
	return route_go(request, "/", cookie);
}

/* The form of the login page. */
static enum MHD_Result route_login(struct request *request)
{
	if (strcmp(request->method, MHD_HTTP_METHOD_POST) != 0)
		return route_not_allowed(request, "POST");
	return guard_form(request) ? route_keep_token(request) : route_go(request, "/#wrong", NULL);
}

/* A person gets a page with a form, a program a sentence. */
static enum MHD_Result route_ask_for_token(struct request *request)
{
	const char *accept = MHD_lookup_connection_value(request->mhd, MHD_HEADER_KIND, MHD_HTTP_HEADER_ACCEPT);
	const struct web_file *file = route_file("/login");
	if (strcmp(request->path, "/") != 0 || !route_reads(request) || !accept || !strstr(accept, "text/html"))
		return answer_error(
		    request, MHD_HTTP_UNAUTHORIZED,
		    "a token is needed: send \"Authorization: Bearer TOKEN\", or open this address with "
		    "?token=TOKEN");
	struct MHD_Response *response =
	    MHD_create_response_from_buffer(file->size, (void *)(uintptr_t)file->data, MHD_RESPMEM_PERSISTENT);
	if (response)
		MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, file->type);
	return answer_response(request, MHD_HTTP_UNAUTHORIZED, response);
}

static enum MHD_Result route_ready(struct request *request)
{
	char reason[128];
	if (state_ready(request->preview, reason, sizeof(reason)))
		return answer_bytes(request, "text/plain", "ready\n", 6);
	return answer_error(request, MHD_HTTP_SERVICE_UNAVAILABLE, "not ready: %s", reason);
}

/* What needs no token: it says nothing about anybody. */
static bool route_is_open(const char *path)
{
	return !strcmp(path, "/healthz") || !strcmp(path, "/readyz") || !strcmp(path, "/style.css") ||
	       !strcmp(path, "/login.css");
}

enum MHD_Result route_request(struct request *request)
{
	const char *reason = "", *path = request->path;
	bool cookie = false;
	unsigned status = guard_origin(request, &reason);
	if (status != MHD_HTTP_OK)
		return answer_error(request, status, "%s", reason);
	if (!strcmp(path, "/login"))
		return route_login(request);
	if (!route_is_open(path) && !guard_token(request, &cookie))
		return route_ask_for_token(request);
	if (!strncmp(path, API_CAMERAS, strlen(API_CAMERAS)) && path[strlen(API_CAMERAS)])
		return route_camera(request, path + strlen(API_CAMERAS));
	const struct web_file *file = route_file(path);
	bool state = !strcmp(path, "/api/v1/state"), events = !strcmp(path, "/api/v1/events");
	bool health = !strcmp(path, "/healthz"), ready = !strcmp(path, "/readyz");
	bool stream = !strcmp(path, "/api/v1/stream"), topics = !strcmp(path, "/api/v1/topics");
	if (!file && !state && !events && !stream && !topics && !health && !ready)
		return answer_error(request, MHD_HTTP_NOT_FOUND,
		                    "there is no %s; there is: /, /healthz, /readyz, /api/v1/state, /api/v1/stream, "
		                    "/api/v1/events, /api/v1/topics, "
		                    "/api/v1/cameras/NAME",
		                    path);
	if ((events || stream) && strcmp(request->method, MHD_HTTP_METHOD_GET) != 0)
		return route_not_allowed(request, "GET");
	if (!route_reads(request))
		return route_not_allowed(request, "GET, HEAD");
	if (cookie && !strcmp(path, "/"))
		return route_keep_token(request);
	if (state)
		return answer_json(request, MHD_HTTP_OK, state_json(request->preview));
	if (events)
		return events_answer(request);
	if (stream)
		return route_stream(request);
	if (topics)
		return answer_json(request, MHD_HTTP_OK, topics_json(request->preview));
	if (health)
		return answer_bytes(request, "text/plain", "ok\n", 3);
	if (ready)
		return route_ready(request);
	return answer_bytes(request, file->type, file->data, file->size);
}

enum MHD_Result route_continue(struct request *request)
{
	return request->switching ? switching_continue(request) : snapshot_continue(request);
}

void route_finish(struct request *request)
{
	switching_finish(request);
	snapshot_finish(request);
}
