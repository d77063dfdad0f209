/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher with an old head overwrites a newer ring word. expect: twice */
#define BREAK_NEWER_OVERWRITTEN
#define PUBS 2
#define SUBS 1
#define SLOTS 4
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
