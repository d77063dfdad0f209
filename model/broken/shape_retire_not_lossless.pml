/* SPDX-License-Identifier: Apache-2.0 */
/* A generation is given up though a lossless subscriber is still in it. expect: lost */
#define BREAK_RETIRE_NOT_LOSSLESS
#define LOSSLESS
#define PUBS 1
#define FRAMES 4
#define MADE 2
#define DEATHS 0
#include "../shape.pml"
