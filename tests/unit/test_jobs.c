/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on their way through several workers: in which order they stand, and when it is not known. */
#include <stdlib.h>

#include "check.h"
#include "roles/detector_jobs.h"

static struct job *add(struct job **jobs, bool begun)
{
	struct job *job = calloc(1, sizeof(*job));
	CHECK(job);
	job->begun = begun;
	jobs_append(jobs, job);
	return job;
}

static void take(struct job **jobs, struct job *job, uint64_t seq, int64_t capture_ns)
{
	job->begun = job->taken = true;
	job->look.frame.seq = seq;
	job->look.frame.capture_ns = capture_ns;
	jobs_sort_in(jobs, job);
}

/* The jobs' numbers as one: 507 = 5, one whose frame is not known (0), 7. */
static unsigned order(const struct job *jobs)
{
	unsigned digits = 0;
	for (; jobs; jobs = jobs->next)
		digits = digits * 10 + (unsigned)jobs->look.frame.seq;
	return digits;
}

TEST(who_is_heard_late_still_stands_first)
{
	struct job *jobs = NULL, *a = add(&jobs, true), *b = add(&jobs, true), *c = add(&jobs, false);
	take(&jobs, b, 6, 600);
	CHECK_EQ(order(jobs), 600);
	take(&jobs, a, 5, 500);
	CHECK_EQ(order(jobs), 560);
	take(&jobs, c, 7, 700);
	CHECK_EQ(order(jobs), 567);
	add(&jobs, false);
	take(&jobs, add(&jobs, false), 8, 800);
	CHECK_EQ(order(jobs), 5678 * 10);
	CHECK_EQ(jobs_count(jobs), 5);
	jobs_free(&jobs);
	CHECK(!jobs);
}

TEST(a_camera_that_begins_anew_comes_later)
{
	struct job *jobs = NULL, *a = add(&jobs, true), *b = add(&jobs, true);
	take(&jobs, a, 9, 900);
	take(&jobs, b, 1, 1000);
	CHECK_EQ(order(jobs), 91);
	jobs_free(&jobs);
}

TEST(unclear_while_a_worker_has_not_told)
{
	struct worker workers[2] = {{.number = 0}, {.number = 1}};
	struct job *jobs = NULL, *a = add(&jobs, false), *b = add(&jobs, true);
	CHECK(jobs_unclear(jobs, NULL));
	take(&jobs, b, 3, 300);
	CHECK(!jobs_unclear(jobs, NULL)); /* the other one has something else to do first */
	a->begun = true;
	a->worker = &workers[0];
	CHECK(jobs_unclear(jobs, NULL));
	CHECK(jobs_unclear(jobs, &workers[1]));
	CHECK(!jobs_unclear(jobs, &workers[0])); /* whatever it takes is later than what it has told */
	a->done = true;                          /* there was no frame for it */
	CHECK(!jobs_unclear(jobs, NULL));
	jobs_drop(jobs);
	CHECK(a->drop && b->drop);
	jobs_free(&jobs);
}
