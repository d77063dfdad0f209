/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of libc that can fail, and how: what a failed call answers, and with which errno. */
#ifndef KILL_FAULTS_H
#define KILL_FAULTS_H

#include <stdbool.h>
#include <stdint.h>

struct fault {
	const char *function;
	int64_t result;
	int error;
};

/* The nth (from 0) way in which the function at this address fails, or NULL. */
const struct fault *fault_of(uintptr_t function, unsigned nth);

/* Is it a system call at all, whether it can fail or not? */
bool fault_possible(uintptr_t function);

#endif
