/* SPDX-License-Identifier: Apache-2.0 */
/* Which records are in use is read once, before the slot is looked at: somebody joins in between. expect: torn */
#define BREAK_RECORDS_BEFORE_CLAIM
#define PUBS 2
#define SUBS 1
#define SLOTS 3
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
