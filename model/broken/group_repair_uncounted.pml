/* SPDX-License-Identifier: Apache-2.0 */
/* Repair clears a dead member's pin first, is killed, and what it held is not counted. expect: uncounted */
#define BREAK_REPAIR_UNCOUNTED
#define PUBS 1
#define SUBS 2
#define FRAMES 3
#define DEATHS 2
#include "../group.pml"
