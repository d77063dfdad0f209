/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every call of libc by which the library can fail, made to fail on demand. The linker sends them here (--wrap, for
 * each name in calls.txt); test_calls.py checks that the library uses no other.
 */
#ifndef ZOETROPE_FAULT_CALLS_H
#define ZOETROPE_FAULT_CALLS_H

#include <stdbool.h>
#include <stddef.h>

struct calls_plan {
	unsigned at;  /* the call that fails, from 1 */
	int error;    /* errno that it gives */
	bool lasting; /* so do all after it */
};

/* From here on, fail as planned, until calls_end(). */
void calls_begin(struct calls_plan plan);

/* Number of calls that failed. */
unsigned calls_end(void);

/* Name of the first call that failed since calls_begin(), or NULL. */
const char *calls_failed(void);

/* Bytes that are mapped now by calls of mmap. */
size_t calls_mapped_bytes(void);

#endif
