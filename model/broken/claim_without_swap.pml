/* SPDX-License-Identifier: Apache-2.0 */
/* The claim is a store and not a compare-and-swap. expect: torn */
#define BREAK_CLAIM_WITHOUT_SWAP
#define PUBS 2
#define SUBS 1
#define SLOTS 3
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
