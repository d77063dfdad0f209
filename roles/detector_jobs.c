/* SPDX-License-Identifier: Apache-2.0 */
/* See detector_jobs.h. */
#include "detector_jobs.h"

#include <stdlib.h>

bool jobs_before(const struct zoe_frame *first, const struct zoe_frame *second)
{
	return first->seq < second->seq && first->capture_ns <= second->capture_ns;
}

unsigned jobs_count(const struct job *jobs)
{
	unsigned count = 0;
	for (; jobs; jobs = jobs->next)
		count++;
	return count;
}

void jobs_append(struct job **jobs, struct job *job)
{
	while (*jobs)
		jobs = &(*jobs)->next;
	*jobs = job;
}

void jobs_sort_in(struct job **jobs, struct job *job)
{
	struct job **link = jobs;
	while (*link != job)
		link = &(*link)->next;
	*link = job->next;
	link = jobs;
	while (*link && (*link)->taken && !jobs_before(&job->look.frame, &(*link)->look.frame))
		link = &(*link)->next;
	job->next = *link;
	*link = job;
}

bool jobs_unclear(const struct job *jobs, const struct worker *but)
{
	for (; jobs; jobs = jobs->next) {
		if (jobs->begun && !jobs->taken && !jobs->done && (!but || jobs->worker != but))
			return true;
	}
	return false;
}

void jobs_drop(struct job *jobs)
{
	for (; jobs; jobs = jobs->next)
		jobs->drop = true;
}

void jobs_free(struct job **jobs)
{
	for (struct job *job = *jobs, *next; job; job = next) {
		next = job->next;
		free(job);
	}
	*jobs = NULL;
}
