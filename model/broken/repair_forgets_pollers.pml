/* SPDX-License-Identifier: Apache-2.0 */
/* Repair wakes those who sleep and not those who poll. expect: slept */
#define BREAK_REPAIR_FORGETS_POLLERS
#define POLLS
#define ONLY_POLLS
#define PUBS 1
#define SUBS 1
#define FRAMES 2
#define DEATHS 2
#include "../wait.pml"
