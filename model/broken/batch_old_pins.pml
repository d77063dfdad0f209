/* SPDX-License-Identifier: Apache-2.0 */
/* A batch notes a free slot and claims it later, without a new reading of the pins. expect: torn */
#define BREAK_BATCH_OLD_PINS
#define BATCH
#define PUBS 2
#define SUBS 1
#define SLOTS 4
#define FRAMES 5
#define DEATHS 0
#include "../hot.pml"
