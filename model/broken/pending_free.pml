/* SPDX-License-Identifier: Apache-2.0 */
/* Repair frees a dead publisher's pending slot although it is in the ring. expect: torn */
#define BREAK_PENDING_FREE
#define PUBS 2
#define SUBS 1
#define SLOTS 3
#define FRAMES 3
#define DEATHS 1
#include "../hot.pml"
