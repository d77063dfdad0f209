/* SPDX-License-Identifier: Apache-2.0 */
/* The old generation is closed before its successor is there, and the closer dies. expect: astray */
#define BREAK_CLOSE_BEFORE_SUCCESSOR
#define PUBS 1
#define FRAMES 2
#define MADE 2
#define DEATHS 1
#include "../shape.pml"
