/* SPDX-License-Identifier: Apache-2.0 */
/* Look, then waiting bit, then head to sleep on: what was published before the bit is not seen. expect: slept */
#define BREAK_BIT_AFTER_LOOK
#define BREAK_SLEEP_ON_LATE_HEAD
#define PUBS 1
#define SUBS 1
#define FRAMES 2
#define DEATHS 0
#include "../wait.pml"
