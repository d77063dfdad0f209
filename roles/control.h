/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The control process: reads the configuration, starts, watches and restarts a process for each role, turns switches.
 * It never touches a pixel and links no codec. One thread, one loop; what its files share is here.
 */
#ifndef ZOETROPE_CONTROL_H
#define ZOETROPE_CONTROL_H

#include <jansson.h>
#include <stdbool.h>
#include <uv.h>

#include "channel.h"
#include "control_config.h"
#include "control_stat.h"
#include "zoetrope.h"

#define CONTROL_REASON_BYTES 256
#define CONTROL_TITLE_BYTES  128

struct control;
struct process_watch; /* control_process.c: the handle on its pidfd */

/* A child that is to run; between two lives its pid is 0. */
struct process {
	struct control *control;
	const struct config_entry *entry;
	char title[CONTROL_TITLE_BYTES]; /* "camera front", "preview" */
	char *program;
	char **argv;
	char **secrets; /* "NAME=value": options that must not show in ps, for its environment; NULL = none */
	pid_t pid;
	struct process_watch *watch;
	struct channel *channel; /* NULL while there is none */
	uv_timer_t restart;
	unsigned life;       /* counts its starts */
	unsigned own_faults; /* in a row: for the back-off */
	unsigned murders;    /* in a row, killed from outside before it was ready */
	unsigned silent_s;   /* since its last line */
	unsigned leave_s;    /* its channel has ended: seconds until it is killed; 0 = has not */
	bool ready;          /* in this life: said a state other than "starting" */
	bool ever_ready;
	bool introduced; /* in this life: said a state at all, so it takes switches */
	bool hung;       /* killed by us */
	bool wants_system;
	int64_t started_ns;
	char state[32];
	char reason[CONTROL_REASON_BYTES];
	char cpus[256];   /* as it has read them back */
	char policy[64];  /* likewise */
	json_t *settings; /* that a camera was set to, told to each life; NULL = none */
	bool last_words;  /* error was sent by a child that then ended itself */
	char error[512];  /* the last sentence it sent */
	json_t *metrics;  /* NULL = none yet */
	struct stat_sample stat;
	struct stat_children children;
};

/* A switch of one camera at one process. */
struct route {
	const char *camera;
	const char *verb;
	struct process *process;
	bool wanted;
	bool actual;
	char reason[CONTROL_REASON_BYTES]; /* why actual is not wanted */
};

struct control {
	uv_loop_t loop;
	struct zoe_domain *domain;
	int lock_fd;
	struct config config;
	struct process *processes;
	size_t process_count;
	struct route *routes;
	size_t route_count;
	struct turn *turns;   /* sent and not answered yet; control_routes.c */
	struct setting *sets; /* likewise; control_settings.c */
	json_int_t last_turn;
	struct server *server; /* control.sock; control_server.c */
	uv_timer_t second;
	uv_timer_t push;     /* state that is to be sent soon */
	uv_timer_t deadline; /* of leaving */
	uv_signal_t signals[3];
	int64_t started_ns;
	const char *log;
	bool print_status;
	bool printed_address;
	bool stopping;
	int status; /* of the process */
};

/* control.c */
void control_stop(struct control *control, int status); /* ends all children, then the loop; twice = at once */
void control_ended(struct control *control);            /* a process has ended while stopping */
void control_push_soon(struct control *control);        /* something that people see has changed */

/* control_arguments.c */
/* The user's own program in place of a role's, or NULL. */
const struct option_list *arguments_command(const struct config_entry *entry);

/* All options of an entry by name, in the types of JSON. */
json_t *arguments_json(const struct config_entry *entry);

/* Fill program, argv and title. Returns 0 | -ENOENT (no such executable; the sentence was logged) | -ENOMEM. */
int arguments_build(struct process *process);
void arguments_free(struct process *process);

/* control_process.c */
void process_start(struct process *process);
void process_tick(struct process *process); /* once a second */
void process_quit(struct process *process); /* ask it to leave; do not start it again */
void process_kill(struct process *process);
void process_close(struct process *process);                /* its timer's handle; after its end */
int process_send(struct process *process, json_t *message); /* takes the reference; -ENOTCONN without channel */
struct process *process_find(struct control *control, const char *role, const char *name);

/* control_routes.c */
int routes_build(struct control *control);
void routes_free(struct control *control);
json_t *routes_switches(const struct process *process); /* for its "start" */
json_t *routes_state(const struct control *control, const char *camera,
                     const char *verb); /* {wanted, actual, reason} */
/* Turn a switch; done is called exactly once with {wanted, actual, reason} or {error}, perhaps before this returns. */
void routes_turn(struct control *control, const char *camera, const char *verb, bool on,
                 void (*done)(void *user, const json_t *answer), void *user);
void routes_introduce(struct process *process); /* tell a new life all that is wanted, to learn what is */
void routes_take_turned(struct process *process, const json_t *message);
void routes_take_state(struct process *process);               /* its state has come: capture follows it */
void routes_lost(struct process *process, const char *reason); /* its life has ended */
void routes_tick(struct control *control);

/* control_settings.c */
/* Change settings of a camera; done is called exactly once with {wanted, actual, reason} or {error, away}. */
void settings_ask(struct control *control, const char *camera, const json_t *settings,
                  void (*done)(void *user, const json_t *answer), void *user);
json_t *settings_of(const struct process *process); /* for its "start" */
void settings_take(struct process *process, const json_t *message);
void settings_lost(struct process *process, const char *reason);
void settings_tick(struct control *control);

/* control_routes.c, control_settings.c: answer {"error": text} */
void control_fail(void (*done)(void *user, const json_t *answer), void *user, const char *text);
/* Is there such a camera? If not, the sentence. */
bool control_check_camera(const struct control *control, const char *camera, char *out, size_t size);

/* control_state.c */
json_t *state_build(const struct control *control);

/* control_status.c */
void status_print(struct control *control);
void status_print_address(struct control *control);

/* control_server.c */
int server_open(struct control *control); /* Returns 0 | -errno after logging the sentence. */
void server_close(struct control *control);
/* Answer a "request" line of ctl or of a child: reply is called exactly once and takes the answer's reference. */
void server_request(struct control *control, const json_t *request, void (*reply)(void *user, json_t *answer),
                    void *user);

#endif
