/* SPDX-License-Identifier: Apache-2.0 */
/* What a process of a trial wants libc to answer otherwise. Set by each for itself; zero is libc as it is. */
#ifndef KILL_LIBC_H
#define KILL_LIBC_H

#include <stdbool.h>
#include <stdint.h>

struct libc_wishes {
	bool until_woken; /* who sleeps on a futex is woken by somebody, never by its timeout: a lost wake-up hangs */
	bool sleepless;   /* a futex lets nobody sleep */
	int64_t tick_ns;  /* time stands still but for so much at each look; 0 = it passes */
	bool no_wipe;     /* as a kernel that does not know MADV_WIPEONFORK */
	bool elsewhere;   /* names always lead to another file than a moment ago */
};
extern struct libc_wishes libc_wishes;

#endif
