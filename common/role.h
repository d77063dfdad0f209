/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The skeleton that every role shares: command line, log, CPU affinity, domain, event loop (libuv), channel to the
 * control process, heartbeat, readiness, clean end. A role fills in struct role_ops and calls role_main() from main().
 *
 * A role runs under `zoetrope run` (ZOETROPE_CHANNEL names the inherited socket) or alone from a shell. It ends when
 * the channel reaches its end, on SIGTERM and SIGINT, and on the quit message.
 */
#ifndef ZOETROPE_ROLE_H
#define ZOETROPE_ROLE_H

#include <jansson.h>
#include <uv.h>

#include "config.h"
#include "zoetrope.h"

#define ROLE_REASON_BYTES 256

struct role;

/* What became of a switch: what it really is now, and why if that is not what was wanted. */
struct role_answer {
	bool actual;
	char reason[ROLE_REASON_BYTES]; /* "" if actual is what was wanted */
};

struct role_ops {
	const char *role;              /* "camera" */
	const struct option_row *rows; /* its options; process_rows, --name, --domain, --log come on top */
	size_t options_bytes;          /* size of the struct that rows fill; begins with struct process_config */

	/*
	 * Begin to work. Affinity and nice are set and verified already, so libraries may start threads now.
	 * Returns 0 | -errno after role_error(). The process then ends with status 1 and control restarts it with
	 * back-off.
	 */
	int (*open)(struct role *role);

	/*
	 * Turn a switch ("capture", "preview", "save", "detect") of a camera. Called on the loop's thread, answers at
	 * once. role_wanted() already gives the new value. NULL = the role has no switches.
	 */
	void (*turn)(struct role *role, const char *camera, const char *verb, bool on, struct role_answer *answer);

	/*
	 * Change settings of a camera, {"width": 640, "exposure": "100"}: what is not named stays. The answer may come
	 * later: role_was_set() or role_not_set() with the same id, once. NULL = the role has none.
	 */
	void (*set)(struct role *role, const char *camera, const json_t *settings, json_int_t id);

	/* Metrics for the heartbeat (once a second and after role_changed()), a new reference. NULL = none. See
	 * docs/protocol.md. */
	json_t *(*metrics)(struct role *role);

	/* The system's state has come from control (preview shows it). NULL = not wanted. */
	void (*system)(struct role *role, const json_t *state);

	/* End work: close every handle of role->loop that open() made. Also called after a failed open(). */
	void (*close)(struct role *role);
};

struct role {
	const struct role_ops *ops;
	const char *name; /* "front", "objects"; the role's word if it is the only one */
	uv_loop_t *loop;
	struct zoe_domain *domain;
	void *options;                 /* ops->options_bytes, filled from the command line */
	void *user;                    /* the role's own */
	struct role_private *private_; /* role.c's */
};

/* All of main(). Returns the exit status: 0 ended as asked, 1 failed, 2 wrong command line. */
int role_main(int argc, char **argv, const struct role_ops *ops);

/* Is the switch wanted on? As last said by control; before that, the option named verb. */
bool role_wanted(const struct role *role, const char *camera, const char *verb);

/* Settings that control has had the camera set in earlier lives, a borrowed object; NULL = none. */
const json_t *role_settings(const struct role *role, const char *camera);

/* Answer a set. actual: what holds now of what was wanted (taken over). reason: why that is not what was wanted, or "". */
void role_was_set(struct role *role, json_int_t id, json_t *actual, const char *reason);

/* Answer a set: nothing was changed. error: a sentence. away: the camera is not there to be set; else it is what was wanted
 * that is wrong. */
void role_not_set(struct role *role, json_int_t id, const char *error, bool away);

/*
 * Say what the role is doing: state is one word ("starting", "streaming", "off", "lost", "retrying", "stalled"), reason
 * a sentence or "". Sent to control at once if it changed.
 */
void role_state(struct role *role, const char *state, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Send metrics now, not only with the next heartbeat. */
void role_changed(struct role *role);

/* Log one line to standard error, "zoetrope: camera front: ...", and tell control (shown as the reason when the process
 * ends). */
void role_error(struct role *role, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Say why, and end at once as if killed: for a thread that does not come back, so that nothing can be cleaned up. Control
 * starts the role again. */
void role_die(struct role *role, const char *format, ...) __attribute__((format(printf, 2, 3), noreturn));
void role_info(struct role *role, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* End the process after this turn of the loop, with status 1 and the sentence given to role_error() before. */
void role_fail(struct role *role);

/*
 * Ask control to turn a switch (a PUT in preview). done gets {"wanted": .., "actual": .., "reason": ..} or {"error":
 * ..}; it is called exactly once, also when the channel ends. Returns 0 | -ENOTCONN (runs alone).
 */
int role_request(struct role *role, const char *camera, const char *verb, bool on,
                 void (*done)(void *user, const json_t *answer), void *user);

/* The same for settings of a camera; wanted and actual of the answer are objects. */
int role_request_set(struct role *role, const char *camera, const json_t *settings,
                     void (*done)(void *user, const json_t *answer), void *user);

#endif
