/* SPDX-License-Identifier: Apache-2.0 */
/* The hole is punched before the mark is cleared: who dies in between leaves a mark without memory. expect: no_memory */
#define BREAK_PUNCH_BEFORE_MARK
#define PUNCH
#define PUBS 1
#define SUBS 1
#define SLOTS 4
#define FRAMES 4
#define DEATHS 1
#include "../hot.pml"
