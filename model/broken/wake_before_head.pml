/* SPDX-License-Identifier: Apache-2.0 */
/* Sleepers are woken before head is advanced: who looks again in between sleeps on the old head. expect: slept */
#define BREAK_WAKE_BEFORE_HEAD
#define PUBS 1
#define SUBS 1
#define FRAMES 2
#define DEATHS 0
#include "../wait.pml"
