/* SPDX-License-Identifier: Apache-2.0 */
/* The newest frame is sought at head alone, which lags behind a publisher that died. expect: missed */
#define BREAK_NO_RING_LOOK
#define POLLS
#define ONLY_POLLS
#define PUBS 1
#define SUBS 1
#define FRAMES 2
#define DEATHS 0
#include "../wait.pml"
