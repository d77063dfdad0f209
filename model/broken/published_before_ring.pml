/* SPDX-License-Identifier: Apache-2.0 */
/* The state becomes published before the slot is in the ring. expect: torn */
#define BREAK_PUBLISHED_BEFORE_RING
#define PUBS 2
#define SUBS 1
#define SLOTS 3
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
