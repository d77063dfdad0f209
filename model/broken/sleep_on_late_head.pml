/* SPDX-License-Identifier: Apache-2.0 */
/* The sleeper reads head only when it goes to sleep, after its look. expect: slept */
#define BREAK_SLEEP_ON_LATE_HEAD
#define PUBS 1
#define SUBS 1
#define FRAMES 2
#define DEATHS 0
#include "../wait.pml"
