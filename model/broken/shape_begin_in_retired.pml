/* SPDX-License-Identifier: Apache-2.0 */
/* A lossless subscriber that wants the oldest frame begins in a generation that somebody is about to give up. expect: lost */
#define BREAK_BEGIN_IN_RETIRED
#define LOSSLESS
#define LATE
#define PUBS 1
#define FRAMES 5
#define MADE 2
#define DEATHS 0
#include "../shape.pml"
