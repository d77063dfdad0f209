/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher takes a closed head for a number. expect: hole */
#define BREAK_PUBLISH_AT_CLOSED
#define PUBS 2
#define FRAMES 3
#define MADE 2
#define DEATHS 0
#include "../shape.pml"
