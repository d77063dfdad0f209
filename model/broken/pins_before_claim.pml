/* SPDX-License-Identifier: Apache-2.0 */
/* The pins are read first, then the slot is looked at and claimed. expect: torn */
#define BREAK_PINS_BEFORE_CLAIM
#define PUBS 2
#define SUBS 1
#define SLOTS 3
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
