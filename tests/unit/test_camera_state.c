/* SPDX-License-Identifier: Apache-2.0 */
/* The state machine of every camera, with a clock of our own. */
#include <string.h>

#include "check.h"
#include "roles/camera_state.h"

#define MS 1000000LL
#define S  1000000000LL

static struct camera_state streaming(bool live, int64_t period_ns)
{
	struct camera_state state = {0};
	camera_state_on(&state, 0);
	camera_state_opened(&state, live, period_ns, 0);
	camera_state_wait(&state, true, 0);
	camera_state_frame(&state, 10 * MS);
	camera_state_wait(&state, true, 10 * MS);
	return state;
}

TEST(usual_life)
{
	struct camera_state state = {.phase = CAMERA_OFF};
	camera_state_on(&state, 5 * S);
	CHECK(state.phase == CAMERA_STARTING);
	camera_state_opened(&state, true, 40 * MS, 6 * S);
	CHECK(state.phase == CAMERA_STARTING);
	camera_state_frame(&state, 6 * S + 10 * MS);
	CHECK(state.phase == CAMERA_STREAMING && !*state.reason);
	camera_state_off(&state, "end of file");
	CHECK(state.phase == CAMERA_OFF);
	CHECK_HAS(state.reason, "end of file");
	CHECK(state.losses == 0 && state.stalls == 0);
}

TEST(stall_is_noticed_within_a_second_and_given_up_after_three)
{
	struct camera_state state = streaming(true, 40 * MS);
	CHECK(!camera_state_tick(&state, 700 * MS));
	CHECK(state.phase == CAMERA_STREAMING);
	CHECK(!camera_state_tick(&state, 910 * MS));
	CHECK(state.phase == CAMERA_STALLED && *state.reason && state.stalls == 1);
	CHECK(!camera_state_tick(&state, 2900 * MS));
	CHECK(camera_state_tick(&state, 3300 * MS));
	camera_state_failed(&state, "silent");
	CHECK(state.phase == CAMERA_LOST && state.losses == 1);
	CHECK_HAS(state.reason, "silent");
}

TEST(a_frame_ends_a_stall)
{
	struct camera_state state = streaming(true, 40 * MS);
	camera_state_tick(&state, 1500 * MS);
	CHECK(state.phase == CAMERA_STALLED);
	camera_state_frame(&state, 1600 * MS);
	CHECK(state.phase == CAMERA_STREAMING && !*state.reason);
	CHECK(!camera_state_tick(&state, 1700 * MS));
	CHECK(state.phase == CAMERA_STREAMING);
}

TEST(slow_cameras_are_given_three_frames)
{
	struct camera_state state = streaming(true, 2 * S);
	camera_state_tick(&state, 5 * S);
	CHECK(state.phase == CAMERA_STREAMING);
	camera_state_tick(&state, 6100 * MS);
	CHECK(state.phase == CAMERA_STALLED);
	CHECK(!camera_state_tick(&state, 20 * S));
	CHECK(camera_state_tick(&state, 25 * S));
}

TEST(rate_is_learnt)
{
	struct camera_state state = streaming(true, 40 * MS);
	int64_t now = 10 * MS;
	for (int i = 0; i < 40; i++) {
		now += 700 * MS; /* it says 25 a second, and sends 1.4 */
		camera_state_frame(&state, now);
	}
	camera_state_tick(&state, now + 1500 * MS);
	CHECK(state.phase == CAMERA_STREAMING);
}

TEST(waiting_until_a_frame_is_due_is_no_stall)
{
	struct camera_state state = streaming(false, 40 * MS);
	camera_state_wait(&state, false, 20 * MS);
	CHECK(!camera_state_tick(&state, 60 * S));
	CHECK(state.phase == CAMERA_STREAMING);
	camera_state_wait(&state, true, 60 * S);
	CHECK(!camera_state_tick(&state, 60 * S + 100 * MS));
	CHECK(state.phase == CAMERA_STREAMING);
	CHECK(!camera_state_tick(&state, 70 * S)); /* a slow disk is waited for */
	CHECK(state.phase == CAMERA_STALLED);
}

TEST(attempts_come_at_growing_intervals_up_to_a_second)
{
	struct camera_state state = streaming(true, 40 * MS);
	CHECK(camera_state_failed(&state, "gone") == 250 * MS);
	CHECK(state.phase == CAMERA_LOST);
	CHECK(camera_state_failed(&state, "refused") == 500 * MS);
	CHECK(state.phase == CAMERA_RETRYING && state.losses == 1);
	CHECK_HAS(state.reason, "refused");
	for (int i = 0; i < 5; i++)
		CHECK(camera_state_failed(&state, "refused") == S);
	camera_state_frame(&state, 100 * S);
	CHECK(state.phase == CAMERA_STREAMING);
	CHECK(camera_state_failed(&state, "gone") == 250 * MS);
	CHECK(state.losses == 2);
}

TEST(frames_that_cannot_be_delivered)
{
	struct camera_state state = streaming(true, 40 * MS);
	camera_state_held(&state, "no memory");
	camera_state_held(&state, "no memory");
	CHECK(state.phase == CAMERA_STALLED && state.stalls == 1);
	camera_state_frame(&state, 100 * MS);
	CHECK(state.phase == CAMERA_STREAMING);
}

TEST(every_phase_has_a_name)
{
	CHECK_HAS(camera_phase_name(CAMERA_STARTING), "starting");
	CHECK_HAS(camera_phase_name(CAMERA_OFF), "off");
}
