/* SPDX-License-Identifier: Apache-2.0 */
/* JSON lines on a libuv pipe handle: cutting, checking and sending them. */
#include "channel.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define READ_BYTES 16384

struct channel {
	uv_pipe_t pipe;
	const struct channel_ops *ops;
	void *user;
	char *buffer; /* bytes that are no whole line yet */
	size_t used;
	size_t size;
	size_t line_max;
	bool ended;   /* closed() was called: read no more */
	bool closing; /* channel_close() was called: call nobody */
};

struct outgoing {
	uv_write_t request;
	char *text;
};

static void end(struct channel *channel, const char *why)
{
	if (channel->ended || channel->closing)
		return;
	channel->ended = true;
	uv_read_stop((uv_stream_t *)&channel->pipe);
	channel->ops->closed(channel->user, why);
}

static void handle_line(struct channel *channel, const char *line, size_t length)
{
	json_t *message = json_loadb(line, length, 0, NULL);
	const char *type = json_string_value(json_object_get(message, "type"));

	if (!message)
		end(channel, "sent a line that is not JSON");
	else if (json_integer_value(json_object_get(message, "v")) != CHANNEL_VERSION)
		end(channel, "sent a line without \"v\": 1");
	else if (!type)
		end(channel, "sent a line without \"type\"");
	else
		channel->ops->message(channel->user, type, message);
	json_decref(message);
}

/* Handle the whole lines in the buffer; `fresh` bytes at its end are new. */
static void cut_lines(struct channel *channel, size_t fresh)
{
	size_t begin = 0, scanned = channel->used - fresh;
	char *newline;

	while (!channel->ended && !channel->closing &&
	       (newline = memchr(channel->buffer + scanned, '\n', channel->used - scanned))) {
		handle_line(channel, channel->buffer + begin, (size_t)(newline - channel->buffer) - begin);
		begin = scanned = (size_t)(newline - channel->buffer) + 1;
	}
	memmove(channel->buffer, channel->buffer + begin, channel->used - begin);
	channel->used -= begin;
	if (channel->used >= channel->line_max)
		end(channel, "sent a line that is too long");
}

/* Room for at least one more read. A line that is too long ends the channel before the buffer grows past twice
 * line_max. */
static int make_room(struct channel *channel)
{
	if (channel->size - channel->used >= READ_BYTES)
		return 0;
	size_t size = channel->size ? channel->size * 2 : 2 * READ_BYTES;
	char *buffer = realloc(channel->buffer, size);
	if (!buffer)
		return -ENOMEM;
	channel->buffer = buffer;
	channel->size = size;
	return 0;
}

static void on_room(uv_handle_t *handle, size_t suggested, uv_buf_t *out)
{
	struct channel *channel = handle->data;

	*out = make_room(channel) < 0 ? uv_buf_init(NULL, 0) : uv_buf_init(channel->buffer + channel->used, READ_BYTES);
}

static void on_read(uv_stream_t *stream, ssize_t count, const uv_buf_t *buffer)
{
	struct channel *channel = stream->data;

	if (count > 0) {
		channel->used += (size_t)count;
		cut_lines(channel, (size_t)count);
	} else if (count < 0) {
		end(channel, count == UV_EOF || count == UV_ECONNRESET ? "" : uv_strerror((int)count));
	}
}

static void on_closed(uv_handle_t *handle)
{
	struct channel *channel = handle->data;

	free(channel->buffer);
	free(channel);
}

int channel_open(uv_loop_t *loop, int fd, size_t line_max, const struct channel_ops *ops, void *user,
                 struct channel **out)
{
	struct channel *channel = malloc(sizeof *channel);

	if (!channel) {
		close(fd);
		return -ENOMEM;
	}
	*channel = (struct channel){.ops = ops, .user = user, .line_max = line_max};
	uv_pipe_init(loop, &channel->pipe, 0);
	channel->pipe.data = channel;
	int status = uv_pipe_open(&channel->pipe, fd);
	if (status < 0)
		close(fd);
	if (!status)
		status = uv_read_start((uv_stream_t *)&channel->pipe, on_room, on_read);
	if (status < 0) {
		channel_close(channel);
		return status;
	}
	*out = channel;
	return 0;
}

void channel_close(struct channel *channel)
{
	if (!channel || channel->closing)
		return;
	channel->closing = true;
	uv_close((uv_handle_t *)&channel->pipe, on_closed);
}

static void on_sent(uv_write_t *request, int status)
{
	struct outgoing *outgoing = (struct outgoing *)request;

	free(outgoing->text); /* a failure shows as the end of what is read */
	free(outgoing);
}

static char *line_of(json_t *message, size_t *out_length)
{
	json_object_set_new(message, "v", json_integer(CHANNEL_VERSION));
	char *text = json_dumps(message, JSON_COMPACT | JSON_REAL_PRECISION(15)); /* 24.999, not 24.998999999999999 */
	size_t length = text ? strlen(text) : 0;
	char *line = text ? realloc(text, length + 2) : NULL;

	if (!line) {
		free(text);
		return NULL;
	}
	line[length] = '\n';
	*out_length = length + 1;
	return line;
}

int channel_send(struct channel *channel, json_t *message)
{
	size_t length = 0;
	bool full = channel_backlog(channel) > CHANNEL_BACKLOG;
	char *line = full ? NULL : line_of(message, &length);

	json_decref(message);
	if (!line)
		return full ? -ENOBUFS : -ENOMEM;
	struct outgoing *outgoing = malloc(sizeof *outgoing);
	if (!outgoing) {
		free(line);
		return -ENOMEM;
	}
	*outgoing = (struct outgoing){.text = line};
	uv_buf_t buffer = uv_buf_init(line, (unsigned)length);
	int status = uv_write(&outgoing->request, (uv_stream_t *)&channel->pipe, &buffer, 1, on_sent);
	if (status < 0) {
		free(line);
		free(outgoing);
	}
	return status;
}

size_t channel_backlog(const struct channel *channel)
{
	return uv_stream_get_write_queue_size((const uv_stream_t *)&channel->pipe);
}

void channel_drain(struct channel *channel)
{
	int fd;

	if (uv_fileno((uv_handle_t *)&channel->pipe, &fd) < 0)
		return;
	for (unsigned reads = 0; reads < CHANNEL_BACKLOG / READ_BYTES; reads++) {
		if (channel->ended || channel->closing || make_room(channel) < 0)
			return;
		ssize_t count = read(fd, channel->buffer + channel->used, READ_BYTES); /* libuv made it non-blocking */
		if (count <= 0)
			return;
		channel->used += (size_t)count;
		cut_lines(channel, (size_t)count);
	}
}

/* Bytes of the UTF-8 character at text; 0 = it is none. */
static size_t character_bytes(const char *text)
{
	for (size_t bytes = 1; bytes <= 4; bytes++) {
		json_t *one = json_stringn(text, bytes); /* jansson checks strictly */
		if (one) {
			json_decref(one);
			return bytes;
		}
		if (!text[bytes])
			break;
	}
	return 0;
}

json_t *channel_string(const char *text)
{
	json_t *string = json_string(text);

	if (string)
		return string;
	char *copy = strdup(text);
	if (!copy)
		return NULL;
	for (char *at = copy; *at;) {
		size_t bytes = character_bytes(at);
		if (!bytes)
			*at = '?';
		at += bytes ? bytes : 1;
	}
	string = json_string(copy);
	free(copy);
	return string;
}

json_t *channel_message(const char *type)
{
	return json_pack("{s:i, s:s}", "v", CHANNEL_VERSION, "type", type);
}

const char *channel_get_text(const json_t *object, const char *key, const char *fallback)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text ? text : fallback;
}

bool channel_get_bool(const json_t *object, const char *key, bool fallback)
{
	const json_t *value = json_object_get(object, key);

	return json_is_boolean(value) ? json_is_true(value) : fallback;
}
