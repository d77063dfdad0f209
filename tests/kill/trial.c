/* SPDX-License-Identifier: Apache-2.0 */
/* The play around one kill. The neighbour and the waiter live through it; what they see is checked, then a fresh one.
 */
#include "trial.h"
#include "party.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRIAL_SECONDS 30
/* A sleeper that nobody wakes looks by itself after 100 ms. */
#define SLOW_WAKE_NS 90000000

struct world {
	struct party neighbour, waiter, fresh, joiner;
	pid_t victim, parent; /* parent: of an orphan */
	unsigned killed;      /* each may have published a frame and not told */
};

int64_t longest_wake_ns;
unsigned wakes, slow_wakes;

static void on_alarm(int signal)
{
	(void)signal;
	if (atomic_fetch_add(&stage->failed, 1) == 0)
		memcpy(stage->failure, "the trial hangs", 16);
}

static void set_options(const struct scenario *s)
{
	stage->options = (struct zoe_topic_options){
	    .slot_bytes = s->flags & LARGE ? 8192 : 256,
	    .depth = 2,
	    .publishers = 3,
	    .subscribers = 8,
	    .pins = s->flags & WIDE ? 25 : 9,
	    .loans = 2,
	    .keeps = 1,
	    .lossless = s->flags & LOSSLESS ? 1 : 0,
	};
}

/* ---- the living --------------------------------------------------------------------------------------------- */

static void begin_living(struct world *w)
{
	party_start(&w->neighbour, "neighbour", neighbour_run);
	if (!party_hear(&w->neighbour, 'r'))
		return;
	party_start(&w->waiter, "waiter", waiter_run);
	party_hear(&w->waiter, 'r');
}

/* A marked frame was published since: it arrives at the waiter. */
static void hear_waiter(struct world *w, int64_t since_ns)
{
	if (!party_hear(&w->waiter, 'm'))
		return;
	int64_t took = zoe_now_ns() - since_ns;

	wakes++;
	slow_wakes += took > SLOW_WAKE_NS;
	longest_wake_ns = took > longest_wake_ns ? took : longest_wake_ns;
}

static void neighbour_plays(struct world *w, char letter)
{
	int64_t begin = zoe_now_ns();

	if (party_tell(&w->neighbour, letter) && party_hear(&w->neighbour, letter))
		hear_waiter(w, begin);
}

static void somebody_joins(struct world *w, const char *name, party_function *run)
{
	party_start(&w->joiner, name, run);
	party_hear(&w->joiner, 'r');
	party_end(&w->joiner);
}

/* The victim stands still. Nobody waits for it. */
static void let_others(struct world *w, const struct scenario *s)
{
	if (w->neighbour.pid == 0)
		begin_living(w);
	neighbour_plays(w, 'G');
	if (s->flags & JOIN_PUB && !stage->failed)
		somebody_joins(w, "joining publisher", joining_publisher_run);
	if (s->flags & JOIN_SUB && !stage->failed)
		somebody_joins(w, "joining subscriber", joining_subscriber_run);
	if (s->flags & JOIN_GROUP && !stage->failed)
		somebody_joins(w, "joining member", joining_member_run);
}

/* ---- the victim --------------------------------------------------------------------------------------------- */

static _Noreturn void be_victim(const struct scenario *s, enum who who)
{
	struct victim v = {.who = who, .domain = open_domain("victim"), .seq = UINT64_MAX};

	if (s->prepare)
		s->prepare(&v);
	ptrace(PTRACE_TRACEME, 0, NULL, NULL);
	kill(getpid(), SIGSTOP);
	s->act(&v);
	kill(getpid(), SIGSTOP);
	if (s->finish)
		s->finish(&v);
	victim_close(&v);
	_exit(0);
}

static pid_t start_victim(struct world *w, const struct scenario *s, enum who who)
{
	const struct timespec pause = {.tv_nsec = 100000};
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_victim(s, who);
	}
	if (s->flags & ORPHAN) {
		w->parent = pid;
		while (!stage->failed && atomic_load(&stage->victim) == 0)
			nanosleep(&pause, NULL);
		pid = stage->victim;
	}
	if (trace_wait_stop(pid) != AT_END || ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_EXITKILL) < 0)
		stage_fail("the victim did not get to its operation");
	return pid;
}

static void kill_and_reap(pid_t *pid)
{
	if (*pid <= 0)
		return;
	kill(*pid, SIGKILL);
	while (waitpid(*pid, NULL, 0) < 0 && errno == EINTR)
		;
	*pid = 0;
}

/*
 * Somebody who dies before the victim's turn, after so many atomic operations. The way there is the same in all trials of
 * a scenario, so it is walked once.
 */
static void somebody_dies(struct world *w, const struct scenario *s)
{
	static const struct scenario *known;
	static struct point known_point;
	const struct scenario *death = scenario_find(s->death);
	pid_t pid = start_victim(w, death, DEAD);
	enum stop stop = AT_DEATH;

	if (!stage->failed && s->death_after == 0)
		stop = trace_walk(pid, NULL);
	else if (!stage->failed && known == s)
		stop = trace_leap(pid, known_point);
	else if (!stage->failed)
		stop = trace_walk_atomics(pid, s->death_after, &known_point);
	known = s;
	if (!stage->failed && stop != (s->death_after ? AT_POINT : AT_END))
		stage_fail("the operation %s has less than %u atomic operations", s->death, s->death_after);
	kill_and_reap(&pid);
	w->killed++;
}

static void kill_victim(struct world *w)
{
	kill_and_reap(&w->victim);
	w->killed++;
}

/* It is at the end of its operation: let it finish. */
static void end_victim(struct world *w)
{
	int status = -1;

	if (ptrace(PTRACE_DETACH, w->victim, NULL, NULL) < 0)
		stage_fail("the victim cannot be let go: %s", strerror(errno));
	while (waitpid(w->victim, &status, 0) < 0 && errno == EINTR && !stage->failed)
		;
	w->victim = 0;
	if (status != 0)
		stage_fail("the victim lived, but ended with status %#x", status);
}

/* Returns whether it came by all points of the plan. */
static bool play_victim(struct world *w, const struct scenario *s, const struct plan *plan)
{
	enum stop stop = plan->first.at ? trace_leap(w->victim, plan->first) : AT_POINT;
	bool there = stop == AT_POINT;

	if (there && plan->then == FAIL_CALL)
		stop = trace_fail_call(w->victim, plan->result, plan->error);
	else if (there && plan->then == LET_OTHERS)
		let_others(w, s);
	if (stop == AT_POINT && plan->kill.at) {
		stop = trace_leap(w->victim, plan->kill);
		if (stop == AT_POINT) {
			kill_victim(w);
			return there;
		}
		there = false;
	} else if (stop == AT_POINT) {
		stop = trace_walk(w->victim, plan->walk);
	}
	if (stop == AT_DEATH)
		stage_fail("the victim died by itself");
	else
		end_victim(w);
	return there;
}

/* ---- after it ----------------------------------------------------------------------------------------------- */

static void check_domain_empty(void)
{
	DIR *dir = opendir(stage->domain);

	for (struct dirent *entry = dir ? readdir(dir) : NULL; entry; entry = readdir(dir)) {
		if (strcmp(entry->d_name, ".") && strcmp(entry->d_name, ".."))
			stage_fail("left in the domain after all left and zoe_domain_clean: %s", entry->d_name);
	}
	if (dir)
		closedir(dir);
	else
		stage_fail("the domain cannot be read: %s", strerror(errno));
}

static void fresh_plays(struct world *w)
{
	party_start(&w->fresh, "fresh one", fresh_run);
	int64_t begin = zoe_now_ns();

	if (party_hear(&w->fresh, 'r'))
		hear_waiter(w, begin);
}

static void all_leave(struct world *w)
{
	struct party *const all[] = {&w->neighbour, &w->waiter, &w->fresh};

	for (unsigned i = 0; i < 3 && !stage->failed; i++) {
		party_tell(all[i], 'q');
		party_end(all[i]);
	}
}

/* Others go on before anybody repaired; then a fresh one comes; then hands are emptied, and all leave. */
static void check_world(struct world *w)
{
	unsigned unknown = w->killed;

	if (w->neighbour.pid == 0) {
		stage_clear(); /* with the victim its topic went: numbers begin anew */
		unknown = 0;
		begin_living(w);
	}
	if (!stage->failed)
		neighbour_plays(w, 'g');
	if (!stage->failed)
		fresh_plays(w);
	if (!stage->failed)
		neighbour_plays(w, 'e');
	if (!stage->failed && party_tell(&w->fresh, 'i') && party_hear(&w->fresh, 'i'))
		numbers_check(stage->next, unknown);
	all_leave(w);
	if (!stage->failed)
		check_domain_empty();
}

/* After a failure: take all away, so that the next trial begins in an empty domain. */
static void sweep(struct world *w)
{
	struct zoe_domain *domain;

	party_kill(&w->neighbour);
	party_kill(&w->waiter);
	party_kill(&w->fresh);
	party_kill(&w->joiner);
	if (zoe_domain_open(stage->domain, &domain) == 0) {
		zoe_domain_clean(domain);
		zoe_domain_close(domain);
	}
}

enum outcome trial_run(const struct scenario *s, const struct plan *plan)
{
	struct world w = {.victim = 0};
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART: waits end with EINTR */
	bool there = false;

	sigaction(SIGALRM, &action, NULL);
	stage_clear();
	set_options(s);
	stage->call_fails = plan->then == FAIL_CALL;
	alarm(TRIAL_SECONDS);
	if (!(s->flags & ALONE))
		begin_living(&w);
	if (s->death && !(s->flags & LATE) && !stage->failed)
		somebody_dies(&w, s);
	if (!stage->failed)
		w.victim = start_victim(&w, s, VICTIM);
	if (s->death && s->flags & LATE && !stage->failed)
		somebody_dies(&w, s);
	if (!stage->failed && (w.waiter.pid == 0 || party_sleeps(&w.waiter)))
		there = play_victim(&w, s, plan);
	kill_and_reap(&w.victim);
	kill_and_reap(&w.parent);
	if (!stage->failed)
		check_world(&w);
	alarm(0);
	if (!stage->failed)
		return there ? FINE : MISSED;
	sweep(&w);
	return WRONG;
}
