/* SPDX-License-Identifier: Apache-2.0 */
/* What role.c and role_channel.c share of a role; nobody else includes this. */
#ifndef ZOETROPE_ROLE_PRIVATE_H
#define ZOETROPE_ROLE_PRIVATE_H

#include "affinity.h"
#include "channel.h"
#include "role.h"
#include "role_command.h"
#include "scheduling.h"

struct role_pending; /* a request that waits for control's answer */

struct role_private {
	uv_loop_t loop;
	uv_timer_t second; /* heartbeat */
	uv_timer_t soon;   /* state that is to be sent in the next turn */
	uv_signal_t signals[2];
	struct channel *channel; /* NULL = runs alone, or control is gone */
	struct role_command command;
	struct option_row *rows; /* process_rows and the role's */
	json_t *switches;        /* {CAMERA: {VERB: bool}} as control wants them */
	json_t *settings;        /* {CAMERA: {NAME: value}} likewise; NULL = none */
	struct role_pending *pending;
	json_int_t last_id;
	char state[32];
	char reason[ROLE_REASON_BYTES];
	char wanted_cpus[AFFINITY_TEXT_BYTES]; /* big and little as numbers */
	char cpus[AFFINITY_TEXT_BYTES];        /* as read back from all threads */
	char policy[SCHEDULING_TEXT_BYTES];    /* likewise, with nice */
	int64_t sent_ns;                       /* when the state was sent last */
	bool begun;                            /* open() was called */
	bool opened;                           /* open() has succeeded */
	bool stopping;
	bool affinity_warned, policy_warned;
	int status; /* of the process */
};

/* role.c */
void role_begin(struct role *role);
void role_stop(struct role *role, int status);
void role_check_affinity(struct role *role);

/* role_channel.c; without a channel (fd -1) all do nothing */
void role_channel_open(struct role *role, int fd);
void role_channel_close(struct role *role);
void role_send_state(struct role *role);

#endif
