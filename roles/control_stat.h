/* SPDX-License-Identifier: Apache-2.0 */
/* What /proc says about a process: CPU time, memory, threads; and about those that it has started. */
#ifndef ZOETROPE_CONTROL_STAT_H
#define ZOETROPE_CONTROL_STAT_H

#include <stdint.h>
#include <sys/types.h>

/* More are not shown: a detector has at most 16 workers, and runs at most 4 commands. */
#define STAT_CHILDREN 24

struct stat_sample {
	int64_t taken_ns;     /* 0 = none yet */
	int64_t cpu_ns;       /* user and system time of all threads so far */
	int64_t memory_bytes; /* resident and its own: RssAnon + RssFile */
	int64_t shared_bytes; /* resident shared memory: frames, counted in every process that has looked at them */
	unsigned threads;
	double cpu_percent; /* since the sample before; 100 = one CPU; < 0 = not known yet */
	char cpus[256];     /* Cpus_allowed_list of the main thread */
};

/* Take a sample; *sample is the one before or all zero. Returns 0 | -ESRCH (it has ended) | -errno. */
int stat_take(pid_t pid, struct stat_sample *sample);

/* A process that another one has started and that has not ended. */
struct stat_child {
	pid_t pid;
	char program[16]; /* the name that the kernel knows it by */
	struct stat_sample sample;
};

struct stat_children {
	unsigned count;
	struct stat_child items[STAT_CHILDREN];
};

/* Take a sample of each child of a process; *children are those before or all zero. A kernel that does not name them has
 * none. */
void stat_take_children(pid_t pid, struct stat_children *children);

#endif
