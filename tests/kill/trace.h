/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Walking a child through the instructions of libzoetrope with ptrace(2), x86-64. A step is one instruction of the
 * library; a call of libc or a system call counts as part of the step that makes it.
 */
#ifndef KILL_TRACE_H
#define KILL_TRACE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* Where a process stands: before the nth (from 1) execution of the instruction at `at`. */
struct point {
	uintptr_t at;
	unsigned nth;
};

/* A step that was seen. */
struct step {
	uintptr_t at;
	uintptr_t call; /* the function of libc that it led into; 0 = none */
	unsigned nth;   /* time in this walk that the instruction is executed, from 1 */
	bool last;      /* of these times */
};

struct walk {
	struct step *steps;
	size_t count, room;
};

/* What a walk or a leap ended with. */
enum stop {
	AT_POINT, /* before the instruction that was asked for */
	AT_END,   /* the child stopped itself (SIGSTOP): the operation is over */
	AT_DEATH, /* it died, or hung until the alarm */
};

/* Where the library lies in this process and so in all children. Ends the program if it cannot be told. */
void trace_find_library(void);
/* Is it an instruction of libzoetrope? */
bool trace_inside(uintptr_t at);
/* For people: offset in the library's file. */
uintptr_t trace_offset(uintptr_t at);
/* Does the instruction at `at` change a shared word atomically (lock prefix, xchg with memory)? */
bool trace_atomic(uintptr_t at);

/* Is it a compare-and-swap? */
bool trace_swap(uintptr_t at);

/* Wait until the child stops itself. */
enum stop trace_wait_stop(pid_t pid);
/* Step to the operation's end and note every step. `walk` may be NULL: just run to the end. */
enum stop trace_walk(pid_t pid, struct walk *walk);
/* Step until so many atomic operations are done, and tell where that is. */
enum stop trace_walk_atomics(pid_t pid, unsigned count, struct point *out);
/* Run until the point; counting begins now. */
enum stop trace_leap(pid_t pid, struct point point);
/*
 * The child stands before a call of libc: enter it, but let it return `result` with errno `error` without being done.
 */
enum stop trace_fail_call(pid_t pid, int64_t result, int error);
/* The child stands before a compare-and-swap: let it find another value than it expects. */
enum stop trace_fail_swap(pid_t pid);

#endif
