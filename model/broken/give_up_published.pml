/* SPDX-License-Identifier: Apache-2.0 */
/* Who gives up after pending sets published, as if it were nobody's. expect: torn */
#define BREAK_GIVE_UP_PUBLISHED
#define WOULD_BLOCK
#define PUBS 3
#define SUBS 1
#define SLOTS 3
#define FRAMES 3
#define DEATHS 0
#include "../hot.pml"
