/* SPDX-License-Identifier: Apache-2.0 */
/* Scheduling policy and nice value of this process's threads: set, read back from every thread, and put right. */
#ifndef ZOETROPE_SCHEDULING_H
#define ZOETROPE_SCHEDULING_H

#define SCHEDULING_ERROR_BYTES 256
#define SCHEDULING_TEXT_BYTES  64

/*
 * Let the calling thread, and those that it starts, run under this policy.
 *
 * policy  "other", "batch", "idle", "fifo" (priority 1: before everything ordinary, after what others made real-time)
 * nice    -20..19; 0 = leave as it is
 * error   [SCHEDULING_ERROR_BYTES]
 *
 * Returns 0 | -EPERM and others (the sentence says what it needs)
 */
int scheduling_apply(const char *policy, int nice, char *error);

/*
 * Read policy and nice of every thread of this process back; set those right that differ.
 *
 * out  [SCHEDULING_TEXT_BYTES]: what any thread has, "other" or "fifo" or "batch nice 5"; several are joined by ','
 *
 * Returns number of threads that differed | -errno
 */
int scheduling_verify(const char *policy, int nice, char *out);

#endif
