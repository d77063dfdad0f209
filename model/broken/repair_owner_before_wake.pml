/* SPDX-License-Identifier: Apache-2.0 */
/* Repair clears the owner and is killed before it wakes: nobody does it again. expect: slept */
#define BREAK_OWNER_BEFORE_WAKE
#define PUBS 1
#define SUBS 1
#define FRAMES 2
#define DEATHS 2
#include "../wait.pml"
