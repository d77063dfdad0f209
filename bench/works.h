/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of traffic. */
#ifndef BENCH_WORKS_H
#define BENCH_WORKS_H

#include "bench.h"

extern const struct bench_work bench_works[];
extern const unsigned bench_works_count;

/* NULL: no such work. */
const struct bench_work *bench_work_find(const char *name);

#endif
