/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames of one camera that are on their way: a list of jobs. Those whose frame is known stand first, in the order of their
 * frames; behind them those that a worker has yet to take one for.
 */
#ifndef ZOETROPE_DETECTOR_JOBS_H
#define ZOETROPE_DETECTOR_JOBS_H

#include "detector_worker.h"

/* Does the first of two frames of a camera come before the second? Its numbers may begin anew, its clock does not. */
bool jobs_before(const struct zoe_frame *first, const struct zoe_frame *second);

unsigned jobs_count(const struct job *jobs);
void jobs_append(struct job **jobs, struct job *job);

/* Its frame is known now: put it where it belongs. */
void jobs_sort_in(struct job **jobs, struct job *job);

/*
 * Has a worker a frame perhaps, and has not told which? It may be an earlier one than those that are known.
 *
 * but  this one does not count: what it takes is later than what it has told; NULL = all do
 */
bool jobs_unclear(const struct job *jobs, const struct worker *but);

/* Their results are not wanted. */
void jobs_drop(struct job *jobs);

void jobs_free(struct job **jobs);

#endif
