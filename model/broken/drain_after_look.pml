/* SPDX-License-Identifier: Apache-2.0 */
/* The FIFO is emptied after the look that found nothing. expect: slept */
#define BREAK_DRAIN_AFTER_LOOK
#define POLLS
#define ONLY_POLLS
#define PUBS 1
#define SUBS 1
#define FRAMES 2
#define DEATHS 0
#include "../wait.pml"
