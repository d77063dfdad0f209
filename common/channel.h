/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON lines over a connected Unix stream socket, both ways, on a libuv loop: docs/protocol.md. The peer is not
 * trusted: a line that is too long or no JSON ends the channel, and a peer that does not read costs a bounded amount of
 * memory.
 */
#ifndef ZOETROPE_CHANNEL_H
#define ZOETROPE_CHANNEL_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#define CHANNEL_VERSION      1
#define CHANNEL_LINE_CHILD   (64 * 1024)   /* longest line of a child or of ctl */
#define CHANNEL_LINE_CONTROL (1024 * 1024) /* longest line of control: the state of the whole system */
#define CHANNEL_BACKLOG      (1024 * 1024) /* bytes that may wait for a peer that does not read */

struct channel;

struct channel_ops {
	/* A message has come; may close the channel. */
	void (*message)(void *user, const char *type, const json_t *message);
	/* The peer is gone (why is "") or sent what it must not. Called once; the owner closes the channel now or
	 * later. */
	void (*closed)(void *user, const char *why);
};

/*
 * fd        connected stream socket; the channel's from here on, also on failure
 * line_max  longest line that is accepted, bytes
 *
 * Returns 0 | -ENOMEM | -errno
 */
int channel_open(uv_loop_t *loop, int fd, size_t line_max, const struct channel_ops *ops, void *user,
                 struct channel **out);

/* No callback after this; NULL is fine. The loop frees it in a later turn. */
void channel_close(struct channel *channel);

/* Send a message, taking its reference; adds "v". Returns 0 | -ENOBUFS (peer does not read) | -ENOMEM | -errno. */
int channel_send(struct channel *channel, json_t *message);

/* Bytes that wait to be sent. */
size_t channel_backlog(const struct channel *channel);

/* Handle what has already arrived, without the loop: the last words of a process that has ended. */
void channel_drain(struct channel *channel);

/* Text as JSON; bytes that are no UTF-8 become '?'. NULL = no memory. */
json_t *channel_string(const char *text);

/* {"v": .., "type": type}; NULL = no memory. */
json_t *channel_message(const char *type);

/* Member of an object as text or fallback, as bool or fallback. */
const char *channel_get_text(const json_t *object, const char *key, const char *fallback);
bool channel_get_bool(const json_t *object, const char *key, bool fallback);

#endif
