/* SPDX-License-Identifier: Apache-2.0 */
/* The member that moves the cursor over a gap counts it afterwards, and dies before. expect: uncounted */
#define BREAK_COUNT_AFTER_SWAP
#define PUBS 1
#define SUBS 2
#define FRAMES 4
#define DEATHS 1
#include "../group.pml"
