/* SPDX-License-Identifier: Apache-2.0 */
/* One slot less than the budgets add up to. expect: no_slot */
#define PUBS 1
#define SUBS 1
#define SLOTS 3
#define NEEDED 3
#define FRAMES 4
#define DEATHS 1
#include "../hot.pml"
