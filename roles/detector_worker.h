/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Workers of the detector role: who looks at frames while the role's loop goes on. One worker is a thread of the role;
 * several are processes, so that the death of one takes only its own frames along. The role says which cameras are due, the
 * worker takes the newest frame of each: a process as a member of a group, so that no frame goes to two.
 */
#ifndef ZOETROPE_DETECTOR_WORKER_H
#define ZOETROPE_DETECTOR_WORKER_H

#include "common/role.h"
#include "detector_look.h"

struct detector_feed;
struct worker;

/* A frame on its way. The role's; a worker fills in the look. */
struct job {
	struct job *next; /* the next one of the same camera */
	struct detector_feed *feed;
	struct worker *worker;
	bool held;    /* look.frame is pinned by the feed */
	bool begun;   /* its worker has nothing else to do first, so it may have a frame already */
	bool taken;   /* look.frame says which it is; a process tells when it has it */
	bool done;    /* look has its result */
	bool missing; /* done, but there was no frame to be had, or the worker has died with it */
	bool drop;    /* the result is not wanted any more */
	struct look look;
};

struct worker_ops {
	/* Begin with worker->jobs. Never waits. */
	void (*start)(struct worker *worker);
	/* Begin with worker->next as soon as jobs are done, without being told again. NULL = cannot. */
	void (*follow)(struct worker *worker);
	/* The camera is off: keep nothing of its topic. */
	void (*leave)(struct worker *worker, unsigned camera);
	/* It has been busy for too long: end it. What it had in hand becomes missing; or the role ends with it. */
	void (*end)(struct worker *worker, const char *why);
	/* Begin to go. changed() is called once more, with gone set, if it is not already. */
	void (*close)(struct worker *worker);
	/* After that. */
	void (*destroy)(struct worker *worker);
};

struct worker {
	const struct worker_ops *ops;
	struct role *role;
	void *user;
	void (*changed)(struct worker *worker);               /* something below, or a job of it, has changed */
	void (*took)(struct worker *worker, struct job *job); /* a process: job->look.frame says which */
	unsigned number;                                      /* from 0 */

	unsigned frames;                          /* most in one start; 0 = it is not ready */
	unsigned job_count;                       /* 0 = idle */
	struct job *jobs[ZOE_DETECTOR_BATCH_MAX]; /* NULL = done */
	struct job *next;                         /* what it does then; NULL = nothing */
	int64_t since_ns;                         /* begin of the work, or of its life */
	char failure[ZOE_DETECTOR_ERROR_BYTES];   /* why it could not begin; "" = it could */
	bool closing;
	bool gone;
	union {
		struct worker_thread *thread;
		struct worker_process *process;
	};
};

/*
 * Open a worker as a thread. Returns 0, ready | -errno after role_error().
 */
int worker_open_thread(struct worker *worker);

/*
 * Open a worker as a process, which is started again whenever it ends. It becomes ready later.
 *
 * argv  how this process was started; so is the worker
 *
 * Returns 0 | -errno after role_error()
 */
int worker_open_process(struct worker *worker, char *const *argv);

/* A job is done: it is the worker's no more; after the last one the next begins. Called by both kinds. */
void worker_finish_job(struct worker *worker, unsigned index);

#endif
