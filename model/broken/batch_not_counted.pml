/* SPDX-License-Identifier: Apache-2.0 */
/* The pool does not count the slots that batches hold. expect: no_slot */
#define BATCH
#define PUBS 2
#define SUBS 1
#define SLOTS 5
#define NEEDED 5
#define FRAMES 3
#define DEATHS 2
#include "../hot.pml"
