/* SPDX-License-Identifier: Apache-2.0 */
/* See camera_state.h. */
#include "camera_state.h"

#include <stdio.h>

#define SECOND_NS 1000000000LL
/* Promised is that a stall is noticed within 1 s; the clock is looked at every 100 ms. */
#define STALL_NS (8 * SECOND_NS / 10)
/* Longer than the pauses of a bad wireless network, short enough for a camera that was switched off and on. */
#define GIVE_UP_NS (3 * SECOND_NS)
/* A source that is back must stream within 2 s, so the longest pause leaves one for connecting. */
#define PAUSE_FIRST_NS (SECOND_NS / 4)
#define PAUSE_LAST_NS  SECOND_NS

static void enter(struct camera_state *state, enum camera_phase phase, const char *reason)
{
	state->phase = phase;
	snprintf(state->reason, sizeof(state->reason), "%s", reason);
}

void camera_state_on(struct camera_state *state, int64_t now_ns)
{
	enter(state, CAMERA_STARTING, "");
	state->waits = false;
	state->heard_ns = now_ns;
	state->pause_ns = PAUSE_FIRST_NS;
}

void camera_state_off(struct camera_state *state, const char *reason)
{
	enter(state, CAMERA_OFF, reason);
	state->waits = false;
}

void camera_state_opened(struct camera_state *state, bool live, int64_t period_ns, int64_t now_ns)
{
	state->live = live;
	state->period_ns = period_ns;
	state->heard_ns = now_ns;
}

void camera_state_wait(struct camera_state *state, bool waits, int64_t now_ns)
{
	state->waits = waits;
	if (waits && !state->live)
		state->heard_ns = now_ns;
}

void camera_state_frame(struct camera_state *state, int64_t now_ns)
{
	/* Cameras slow down in the dark and do not say so: what is seen counts as much as what was declared. */
	int64_t seen_ns = now_ns - state->heard_ns;
	if (state->phase == CAMERA_STREAMING && seen_ns > state->period_ns)
		state->period_ns += (seen_ns - state->period_ns) / 8;
	state->heard_ns = now_ns;
	state->pause_ns = PAUSE_FIRST_NS;
	enter(state, CAMERA_STREAMING, "");
}

void camera_state_held(struct camera_state *state, const char *reason)
{
	state->stalls += state->phase != CAMERA_STALLED;
	enter(state, CAMERA_STALLED, reason);
}

int64_t camera_state_failed(struct camera_state *state, const char *reason)
{
	bool streamed = state->phase == CAMERA_STREAMING || state->phase == CAMERA_STALLED;
	state->losses += streamed;
	enter(state, streamed ? CAMERA_LOST : CAMERA_RETRYING, reason);
	state->waits = false;
	int64_t pause_ns = state->pause_ns;
	state->pause_ns = pause_ns * 2 < PAUSE_LAST_NS ? pause_ns * 2 : PAUSE_LAST_NS;
	return pause_ns;
}

/* Three frames are missing, or what is promised for fast cameras. */
static int64_t stall_after(const struct camera_state *state)
{
	return 3 * state->period_ns > STALL_NS ? 3 * state->period_ns : STALL_NS;
}

bool camera_state_tick(struct camera_state *state, int64_t now_ns)
{
	int64_t silent_ns = now_ns - state->heard_ns, stall_ns = stall_after(state);
	if (!state->waits || silent_ns < stall_ns)
		return false;
	if (state->phase == CAMERA_STREAMING) {
		state->stalls++;
		enter(state, CAMERA_STALLED, "no frame comes from the source");
	}
	return state->live && silent_ns > (4 * stall_ns > GIVE_UP_NS ? 4 * stall_ns : GIVE_UP_NS);
}

const char *camera_phase_name(enum camera_phase phase)
{
	static const char *const names[] = {"starting", "streaming", "stalled", "lost", "retrying", "off"};
	return names[phase];
}
