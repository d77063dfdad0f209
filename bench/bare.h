/* SPDX-License-Identifier: Apache-2.0 */
/* A network run by its library alone, as that library's own examples do it: what bench/detector compares ours with. */
#ifndef ZOETROPE_BENCH_BARE_H
#define ZOETROPE_BENCH_BARE_H

#include "drivers/detector/head.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Load the network. Ends the program with a sentence where that fails. */
void bare_open(const struct model *model, unsigned threads);

/* Run it on a tensor as the model's description says. Outputs live until the next call. Returns how many there are. */
unsigned bare_run(const float *tensor, struct head_tensor *out_outputs);

#ifdef __cplusplus
}
#endif

#endif
