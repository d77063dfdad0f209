/* SPDX-License-Identifier: Apache-2.0 */
/* The empty ring word is zero, which is frame 0 in slot 0. expect: twice */
#define BREAK_EMPTY_IS_ZERO
#define PUBS 2
#define SUBS 1
#define SLOTS 3
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
