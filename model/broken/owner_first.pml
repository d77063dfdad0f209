/* SPDX-License-Identifier: Apache-2.0 */
/* Repair clears the owner first and is killed: nobody repairs the rest. expect: leaked */
#define BREAK_OWNER_FIRST
#define PUBS 1
#define SUBS 1
#define SLOTS 4
#define FRAMES 3
#define DEATHS 2
#include "../hot.pml"
