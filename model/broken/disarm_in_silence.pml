/* SPDX-License-Identifier: Apache-2.0 */
/* A take that succeeds disarms, though the byte that would keep the descriptor readable has not come. expect: slept */
#define BREAK_DISARM_IN_SILENCE
#define POLLS
#define ONLY_POLLS
#define PUBS 1
#define SUBS 1
#define FRAMES 3
#define DEATHS 0
#include "../wait.pml"
