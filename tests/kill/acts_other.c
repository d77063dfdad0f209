/* SPDX-License-Identifier: Apache-2.0 */
/* What victims do with left-overs, with handles that are not theirs, and at their end. */
#include "acts.h"
#include "party.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

void do_clean(struct victim *v)
{
	v->status = zoe_domain_clean(v->domain);
}

/* Forked children of whoever holds the handles; the parent lives on. See party_start: the parent dies with the trial.
 */
void orphan(struct victim *v)
{
	long pid = syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);

	if (pid == 0)
		return;
	atomic_store(&stage->victim, (int)pid);
	for (;;)
		pause();
}

void with_all_as_orphan(struct victim *v)
{
	with_kept_and_loan(v);
	with_frame(v);
	orphan(v);
}

void do_all_as_orphan(struct victim *v)
{
	struct zoe_loan loan;
	struct zoe_frame frame;
	uint64_t seq;
	int status = 0;

	status |= zoe_loan(v->pub, 1, &loan) != -ECHILD;
	status |= zoe_publish(v->pub, &v->loan, &seq) != -ECHILD;
	status |= zoe_publish_keep(v->pub, &v->loan, &seq) != -ECHILD;
	zoe_unkeep(v->pub, &v->kept);
	zoe_discard(v->pub, &v->loan);
	status |= zoe_take_next(v->sub, 0, &frame) != -ECHILD;
	status |= zoe_take_latest(v->sub, 0, &frame) != -ECHILD;
	zoe_release(v->sub, &v->frame);
	status |= zoe_subscriber_fd(v->sub) != -ECHILD;
	if (status)
		party_fail("victim: a forked child could use its parent's handles");
	zoe_subscriber_close(v->sub);
	zoe_publisher_close(v->pub);
	v->sub = NULL;
	v->pub = NULL;
}

void victim_close(struct victim *v)
{
	for (unsigned i = 0; i < sizeof(v->more) / sizeof(v->more[0]); i++) {
		zoe_publisher_close(v->more[i]);
		v->more[i] = NULL;
	}
	for (unsigned i = 0; i < sizeof(v->many) / sizeof(v->many[0]); i++) {
		zoe_subscriber_close(v->many[i]);
		v->many[i] = NULL;
	}
	zoe_subscriber_close(v->sub);
	zoe_publisher_close(v->pub);
	zoe_domain_close(v->domain);
	v->sub = NULL;
	v->pub = NULL;
	v->domain = NULL;
}
