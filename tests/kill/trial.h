/* SPDX-License-Identifier: Apache-2.0 */
/* One trial: a topic, those who live in it, a victim that is stopped or killed somewhere, and the checks after it. */
#ifndef KILL_TRIAL_H
#define KILL_TRIAL_H

#include "scenario.h"
#include "trace.h"

/* What becomes of the victim. Zero: it is left alone. */
struct plan {
	struct point first; /* at == 0: the beginning */
	enum { GO_ON, FAIL_CALL, LET_OTHERS, FAIL_SWAP } then;
	int64_t result; /* FAIL_CALL: of the call of libc that stands there */
	int error;
	struct point kill; /* go on to here and kill; at == 0: it lives to the end */
	struct walk *walk; /* lives: note its steps after `first`; NULL = do not */
};

enum outcome {
	FINE,
	MISSED, /* the path was another one this time, and did not come by the point */
	WRONG,  /* stage->failure says what */
};

/* Times from a publish to the waiter's answer, over all trials. */
extern int64_t longest_wake_ns;
extern unsigned wakes;

enum outcome trial_run(const struct scenario *scenario, const struct plan *plan);

#endif
