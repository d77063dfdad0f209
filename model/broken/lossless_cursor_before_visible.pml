/* SPDX-License-Identifier: Apache-2.0 */
/* A joining lossless subscriber sets its cursor before its record is visible. expect: lost */
#define BREAK_CURSOR_BEFORE_VISIBLE
#define PUBS 1
#define SUBS 1
#define FRAMES 4
#define DEATHS 0
#include "../lossless.pml"
