/* SPDX-License-Identifier: Apache-2.0 */
/* A worker that is a thread of libuv's pool: see detector_worker.h. */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "detector_worker.h"

struct worker_thread {
	struct worker *worker;
	struct looker *looker;
	uv_work_t work;
};

void worker_finish_job(struct worker *worker, unsigned index)
{
	worker->jobs[index]->done = true;
	worker->jobs[index] = NULL;
	for (unsigned i = 0; i < worker->job_count; i++) {
		if (worker->jobs[i])
			return;
	}
	worker->job_count = worker->next != NULL;
	worker->jobs[0] = worker->next;
	worker->next = NULL;
	if (worker->job_count) {
		worker->jobs[0]->begun = true;
		worker->since_ns = zoe_now_ns();
	}
}

/* On the pool's thread. */
static void on_work(uv_work_t *work)
{
	struct worker_thread *thread = work->data;
	const struct worker *worker = thread->worker;
	struct look *looks[ZOE_DETECTOR_BATCH_MAX];
	for (unsigned i = 0; i < worker->job_count; i++)
		looks[i] = &worker->jobs[i]->look;
	looker_run(thread->looker, looks, worker->job_count);
}

static void on_worked(uv_work_t *work, int status)
{
	struct worker *worker = ((struct worker_thread *)work->data)->worker;
	for (unsigned i = 0, count = worker->job_count; i < count; i++)
		worker_finish_job(worker, i);
	worker->gone = worker->closing;
	worker->changed(worker);
}

static void thread_start(struct worker *worker)
{
	uv_queue_work(worker->role->loop, &worker->thread->work, on_work, on_worked);
}

/* It reads the role's own subscriptions. */
static void thread_leave(struct worker *worker, unsigned camera)
{
}

/* A thread that does not come back cannot be ended by itself: the process goes, and control starts another. */
static void thread_end(struct worker *worker, const char *why)
{
	role_die(worker->role, "%s, so it is killed and started again", why);
}

static void thread_close(struct worker *worker)
{
	worker->closing = true;
	worker->gone = worker->job_count == 0;
}

static void thread_destroy(struct worker *worker)
{
	if (!worker->thread)
		return;
	looker_close(worker->thread->looker);
	free(worker->thread);
}

int worker_open_thread(struct worker *worker)
{
	static const struct worker_ops ops = {
	    .start = thread_start,
	    .leave = thread_leave,
	    .end = thread_end,
	    .close = thread_close,
	    .destroy = thread_destroy,
	};
	char error[ZOE_DETECTOR_ERROR_BYTES] = "no memory for a worker";
	struct worker_thread *thread = calloc(1, sizeof(*thread));
	int status = thread ? looker_open(worker->role->options, &thread->looker, error) : -ENOMEM;
	if (status < 0) {
		role_error(worker->role, "%s", error);
		free(thread);
		return status;
	}
	thread->worker = worker;
	thread->work.data = thread;
	worker->ops = &ops;
	worker->thread = thread;
	worker->frames = looker_frames(thread->looker);
	return 0;
}
