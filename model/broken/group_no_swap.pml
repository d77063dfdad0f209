/* SPDX-License-Identifier: Apache-2.0 */
/* The cursor is stored and not swapped. expect: twice */
#define BREAK_GROUP_NO_SWAP
#define PUBS 1
#define SUBS 2
#define FRAMES 3
#define DEATHS 0
#include "../group.pml"
