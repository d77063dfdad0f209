/* SPDX-License-Identifier: Apache-2.0 */
/* The taker trusts its first look at the ring (no T3). expect: torn */
#define BREAK_NO_SECOND_LOOK
#define PUBS 2
#define SUBS 1
#define SLOTS 3
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
