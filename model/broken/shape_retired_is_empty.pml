/* SPDX-License-Identifier: Apache-2.0 */
/* A generation that is given up gets empty ring words: a publisher from its first lap finds what it expects. expect: twice */
#define BREAK_RETIRED_IS_EMPTY
#define PUBS 2
#define FRAMES 2
#define MADE 2
#define DEATHS 0
#include "../shape.pml"
