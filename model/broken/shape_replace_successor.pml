/* SPDX-License-Identifier: Apache-2.0 */
/* A successor that is there is replaced by one's own. expect: twice */
#define BREAK_REPLACE_SUCCESSOR
#define PUBS 2
#define FRAMES 2
#define MADE 3
#define DEATHS 0
#include "../shape.pml"
