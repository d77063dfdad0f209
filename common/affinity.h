/* SPDX-License-Identifier: Apache-2.0 */
/* On which CPUs the threads of this process run: set, read back from every thread, and put right. */
#ifndef ZOETROPE_AFFINITY_H
#define ZOETROPE_AFFINITY_H

#include <stddef.h>

#define AFFINITY_TEXT_BYTES  256
#define AFFINITY_ERROR_BYTES 256

/*
 * What `big` and `little` mean here: the CPUs of the highest and of the lowest capacity; both are all, where CPUs do not
 * differ or the kernel does not say. Any other text stays as it is.
 *
 * folder  where cpuN/cpu_capacity lie: "/sys/devices/system/cpu"
 * out     [AFFINITY_TEXT_BYTES]: a list, "4-5"
 */
void affinity_resolve(const char *cpus, const char *folder, char *out);

/* How many CPUs may the calling thread run on? At least 1. */
unsigned affinity_count(void);

/*
 * Let the calling thread, and those that it starts, run on these CPUs only.
 *
 * cpus   "0-3", "1,3"; "" = leave as it is
 * error  [AFFINITY_ERROR_BYTES]
 *
 * Returns 0 | -EINVAL (no such CPU; the sentence names those there are) | -errno
 */
int affinity_apply(const char *cpus, char *error);

/*
 * Read the CPUs of every thread of this process back; set those right that differ from cpus ("" = none is wrong).
 *
 * out_cpus  [AFFINITY_TEXT_BYTES]: the CPUs that any thread may run on, "0-1"
 *
 * Returns number of threads that differed | -errno
 */
int affinity_verify(const char *cpus, char *out_cpus);

#endif
