/* SPDX-License-Identifier: Apache-2.0 */
/* A waiting publisher does not look whether the subscriber lives. expect: stuck */
#define BREAK_DEAD_HOLD
#define PUBS 1
#define SUBS 1
#define FRAMES 4
#define DEATHS 1
#include "../lossless.pml"
