/* SPDX-License-Identifier: Apache-2.0 */
/* Nobody advances head for a publisher that died after it published. expect: wedged */
#define BREAK_NO_HELP
#define PUBS 2
#define SUBS 1
#define SLOTS 4
#define FRAMES 3
#define DEATHS 1
#include "../hot.pml"
