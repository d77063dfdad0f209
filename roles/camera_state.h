/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one state machine of every camera, whatever its driver. It knows no thread, no clock and no driver: it is told
 * what happened and what time it is.
 *
 *   starting   capture was turned on, no frame yet
 *   streaming  frames come
 *   stalled    the source is open, but no frame comes, or none can be delivered
 *   lost       the source streamed, and is gone
 *   retrying   it is gone, and an attempt to open it has failed
 *   off        capture is off, or a file has ended
 */
#ifndef ROLES_CAMERA_STATE_H
#define ROLES_CAMERA_STATE_H

#include <stdbool.h>
#include <stdint.h>

#define CAMERA_REASON_BYTES 256

enum camera_phase { CAMERA_STARTING, CAMERA_STREAMING, CAMERA_STALLED, CAMERA_LOST, CAMERA_RETRYING, CAMERA_OFF };

struct camera_state {
	enum camera_phase phase;
	char reason[CAMERA_REASON_BYTES]; /* a sentence, "" while all is well */
	bool waits;                       /* for a frame, since heard_ns */
	bool live;                        /* silence means that the source is gone */
	int64_t heard_ns;                 /* when the source last gave a sign of life */
	int64_t period_ns;                /* of frames, as declared and as seen */
	int64_t pause_ns;                 /* before the next attempt to open */
	uint64_t losses, stalls;          /* how often it came to that */
};

void camera_state_on(struct camera_state *state, int64_t now_ns);
void camera_state_off(struct camera_state *state, const char *reason);

/* The source has been opened, and frames are expected every period_ns. */
void camera_state_opened(struct camera_state *state, bool live, int64_t period_ns, int64_t now_ns);

/* From now on the driver is waited for (true), or a frame is there and is waited for until it is due (false). */
void camera_state_wait(struct camera_state *state, bool waits, int64_t now_ns);

void camera_state_frame(struct camera_state *state, int64_t now_ns);

/* A frame could not be delivered. */
void camera_state_held(struct camera_state *state, const char *reason);

/* The source could not be opened, or is lost. Returns how long to wait before the next attempt. */
int64_t camera_state_failed(struct camera_state *state, const char *reason);

/* Look at the clock. Returns whether the source is to be given up, as camera_state_failed() will then say. */
bool camera_state_tick(struct camera_state *state, int64_t now_ns);

const char *camera_phase_name(enum camera_phase phase);

#endif
