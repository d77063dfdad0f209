/* SPDX-License-Identifier: Apache-2.0 */
/* The look at the ring knows head itself only: the ring has gone round since head was read, and it seems as if nothing were new. expect: missed */
#define BREAK_RING_LOOK_EXACT
#define POLLS
#define ONLY_POLLS
#define PUBS 2
#define SUBS 1
#define FRAMES 4
#define DEATHS 0
#include "../wait.pml"
