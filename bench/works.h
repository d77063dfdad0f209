/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of traffic. */
#ifndef BENCH_WORKS_H
#define BENCH_WORKS_H

#include "bench.h"

extern const struct bench_work bench_works[];
extern const unsigned bench_works_count;

/* As JSON, for the peers that are not written in C and for bench/transport. */
void bench_works_print(void);

/* NULL: no such work. */
const struct bench_work *bench_work_find(const char *name);

#endif
