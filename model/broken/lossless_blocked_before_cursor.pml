/* SPDX-License-Identifier: Apache-2.0 */
/* The subscriber reads who waits before it stores its cursor. expect: stuck */
#define BREAK_BLOCKED_BEFORE_CURSOR
#define PUBS 1
#define SUBS 1
#define FRAMES 4
#define DEATHS 0
#include "../lossless.pml"
