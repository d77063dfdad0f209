/* SPDX-License-Identifier: Apache-2.0 */
/* The second look compares the slot and not the number. expect: torn */
#define BREAK_SECOND_LOOK_AT_SLOT
#define PUBS 1
#define SUBS 1
#define SLOTS 4
#define FRAMES 5
#define DEATHS 0
#include "../hot.pml"
