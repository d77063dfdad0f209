/* SPDX-License-Identifier: Apache-2.0 */
/* The pool does not count the slots that batches hold: a publisher that died with two leaves none. expect: no_slot */
#define BATCH
#define PUBS 2
#define SUBS 1
#define READERS 0
#define SLOTS 4
#define NEEDED 4
#define FRAMES 3
#define DEATHS 1
#include "../hot.pml"
