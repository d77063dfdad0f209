/* SPDX-License-Identifier: Apache-2.0 */
/* See trial.h. FAULT_SHOW=1 prints each failure with its sentence. */
#include "trial.h"
#include "calls.h"
#include "state.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#define CALLS_MAX 2000 /* more than any function makes */

static const int errnos[] = {EMFILE, ENOSPC, ENOMEM, EACCES, EINTR, EIO, ENOENT};

const struct zoe_topic_options trial_options = {
    .slot_bytes = FRAME_SIZE, .depth = 2, .publishers = 3, .subscribers = 4, .pins = 8, .loans = 2, .keeps = 1};

/* ---- helpers ------------------------------------------------------------------------------------------------ */

void in_killed_child(void (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		what();
		raise(SIGKILL);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

void put(struct zoe_publisher *pub, int byte)
{
	struct zoe_loan loan;

	CHECK_OK(zoe_loan(pub, FRAME_SIZE, &loan));
	memset(loan.data, byte, FRAME_SIZE);
	CHECK_OK(zoe_publish(pub, &loan, NULL));
}

/* The topic works: a new publisher's frame reaches a new subscriber, whole. */
static void prove(struct zoe_domain *domain)
{
	struct zoe_publisher *pub;
	struct zoe_subscriber *sub;
	struct zoe_frame frame;

	CHECK_OK(zoe_publisher_open(domain, TOPIC, &trial_options, &pub));
	CHECK_OK(zoe_subscriber_open(domain, TOPIC, NULL, &sub));
	for (int i = 1; i <= 8; i++) {
		put(pub, i);
		CHECK_OK(zoe_take_next(sub, 0, &frame));
		CHECK_EQ(frame.lost, 0);
		CHECK_EQ(frame.size, FRAME_SIZE);
		for (size_t at = 0; at < FRAME_SIZE; at += 499)
			CHECK_EQ(((const uint8_t *)frame.data)[at], i);
		zoe_release(sub, &frame);
	}
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
}

/* Close everything; then nothing may be left, but for what cleaning removes. */
static void finish(struct world *w)
{
	zoe_subscriber_close(w->sub);
	zoe_subscriber_close(w->sub2);
	zoe_publisher_close(w->pub);
	zoe_publisher_close(w->pub2);
	if (w->domain)
		CHECK(zoe_domain_clean(w->domain) >= 0);
	zoe_domain_close(w->domain);
}

/* ---- one trial ---------------------------------------------------------------------------------------------- */

/* A sentence that is not the one wanted. */
static void other_sentence(struct zoe_domain *domain)
{
	struct zoe_publisher *pub;

	if (domain)
		CHECK_EQ(zoe_publisher_open(domain, "not a name", NULL, &pub), -EINVAL);
	else
		CHECK_EQ(zoe_image_check(&(struct zoe_image){.format = 1}, 0), -EINVAL);
}

/* The fault itself, want of memory, or what a missing file and a lock that others have mean. */
static void check_code(int status, int error, const char *what)
{
	bool sensible = status == -error || status == -ENOMEM || (error == ENOENT && status == -EBADMSG) ||
	                (error == ENOENT && status == -EBUSY);

	if (!sensible)
		check_failed(__FILE__, __LINE__, "%s: %s: %s", what, strerrorname_np(-status), zoe_error());
}

static void check_failure(const struct scenario *s, struct world *w, const struct state *before, const char *old,
                          int status, const char *what)
{
	struct state after;

	if (getenv("FAULT_SHOW"))
		printf("%s -> %s: %s\n", what, strerrorname_np(-status), zoe_error());
	if (status != -EAGAIN && status != -ETIMEDOUT && (!*zoe_error() || !strcmp(zoe_error(), old)))
		check_failed(__FILE__, __LINE__, "%s: %d without a sentence", what, status);
	state_look(w->domain, TOPIC, &after);
	if (s->cleans) { /* what the dead left may be gone */
		after.info = before->info;
		after.topic = before->topic;
		memcpy(after.files, before->files, sizeof(after.files));
	}
	if (!s->moves)
		state_compare(before, &after, what);
	status = s->act(w);
	if (status < 0)
		check_failed(__FILE__, __LINE__, "%s: again without the fault: %d, %s", what, status, zoe_error());
}

/* Returns how many calls failed. */
static unsigned trial(const struct scenario *s, const char *name, struct calls_plan plan)
{
	struct world w = {0};
	struct state start, before, end;
	char what[200], old[512];
	unsigned hits;
	int status;

	state_look(NULL, TOPIC, &start);
	s->prepare(&w);
	other_sentence(w.domain);
	snprintf(old, sizeof(old), "%s", zoe_error());
	state_look(w.domain, TOPIC, &before);
	calls_begin(plan);
	status = s->act(&w);
	hits = calls_end();
	snprintf(what, sizeof(what), "%s, call %u%s (%s) gives %s", name, plan.at, plan.lasting ? " and on" : "",
	         calls_failed() ? calls_failed() : "none", strerrorname_np(plan.error));
	if (status < 0 && !hits)
		check_failed(__FILE__, __LINE__, "%s: %d, %s", what, status, zoe_error());
	if (status < 0)
		check_code(status, plan.error, what);
	if (status < 0)
		check_failure(s, &w, &before, old, status, what);
	if (s->check)
		s->check(&w);
	if (w.domain)
		prove(w.domain);
	finish(&w);
	state_look(NULL, TOPIC, &end);
	state_compare(&start, &end, what);
	return hits;
}

void trial_run(const char *name, const struct scenario *s)
{
	unsigned trials = 0, calls = 0;

	trial(s, name, (struct calls_plan){0}); /* what stays mapped after the first is the libc's own */
	for (size_t e = 0; e < sizeof(errnos) / sizeof(errnos[0]); e++) {
		for (int lasting = 0; lasting < 2; lasting++) {
			unsigned at = 1;

			if (lasting && errnos[e] == EINTR)
				continue; /* no signal comes for ever */
			while (at < CALLS_MAX &&
			       trial(s, name, (struct calls_plan){.at = at, .error = errnos[e], .lasting = lasting}))
				at++;
			CHECK(at < CALLS_MAX);
			trials += at - 1;
			calls = at - 1 > calls ? at - 1 : calls;
		}
	}
	printf("measured: %s: %u calls that can fail, %u trials\n", name, calls, trials);
}

/* ---- parts of scenarios ------------------------------------------------------------------------------------- */

void prepare_domain(struct world *w)
{
	CHECK_OK(zoe_domain_open(NULL, &w->domain));
}

void prepare_publisher(struct world *w)
{
	prepare_domain(w);
	CHECK_OK(zoe_publisher_open(w->domain, TOPIC, &trial_options, &w->pub));
	put(w->pub, 1);
}

void prepare_waiting(struct world *w)
{
	prepare_publisher(w);
	CHECK_OK(zoe_subscriber_open(w->domain, TOPIC, NULL, &w->sub));
}

void prepare_subscriber(struct world *w)
{
	prepare_publisher(w);
	CHECK_OK(zoe_subscriber_open(w->domain, TOPIC, NULL, &w->sub));
	put(w->pub, 3);
}

void prepare_listeners(struct world *w)
{
	prepare_publisher(w);
	CHECK_OK(zoe_subscriber_open(w->domain, TOPIC, NULL, &w->sub));
	CHECK(zoe_subscriber_fd(w->sub) >= 0);
	CHECK_EQ(zoe_take_next(w->sub, 0, &w->frame), -EAGAIN); /* arms */
	CHECK_OK(zoe_loan(w->pub, FRAME_SIZE, &w->loan));
	memset(w->loan.data, 7, FRAME_SIZE);
}

int act_publish(struct world *w)
{
	return zoe_publish(w->pub, &w->loan, NULL);
}
