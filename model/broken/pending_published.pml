/* SPDX-License-Identifier: Apache-2.0 */
/* Repair calls a dead publisher's pending slot published although it never was in the ring. expect: torn */
#define BREAK_PENDING_PUBLISHED
#define PUBS 2
#define SUBS 1
#define SLOTS 3
#define FRAMES 2
#define DEATHS 1
#include "../hot.pml"
