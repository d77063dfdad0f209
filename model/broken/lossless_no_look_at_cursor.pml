/* SPDX-License-Identifier: Apache-2.0 */
/* The publisher sets its blocked bit and sleeps without looking at the cursor again. expect: stuck */
#define BREAK_NO_LOOK_AT_CURSOR
#define PUBS 1
#define SUBS 1
#define FRAMES 4
#define DEATHS 0
#include "../lossless.pml"
