/* SPDX-License-Identifier: Apache-2.0 */
/* A taker loads from the slot between its pin and its second look. expect: no_memory */
#define BREAK_LOAD_BEFORE_SECOND_LOOK
#define PUNCH
#define PUBS 1
#define SUBS 1
#define SLOTS 4
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
