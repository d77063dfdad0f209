/* SPDX-License-Identifier: Apache-2.0 */
/* A member swaps the cursor first and pins then. expect: uncounted */
#define BREAK_SWAP_BEFORE_PIN
#define PUBS 1
#define SUBS 2
#define FRAMES 4
#define DEATHS 0
#include "../group.pml"
