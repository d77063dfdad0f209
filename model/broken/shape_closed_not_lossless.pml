/* SPDX-License-Identifier: Apache-2.0 */
/* The closed word displaces a frame that a lossless subscriber has not taken. expect: lost */
#define BREAK_CLOSED_NOT_LOSSLESS
#define LOSSLESS
#define PUBS 1
#define FRAMES 4
#define MADE 2
#define DEATHS 0
#include "../shape.pml"
