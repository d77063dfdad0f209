/* SPDX-License-Identifier: Apache-2.0 */
/* The play around one kill. The neighbour and the waiter live through it; what they see is checked, then a fresh one.
 */
#include "trial.h"
#include "damage.h"
#include "party.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TRIAL_SECONDS 240
/* As in lib/take.c. */
#define STUCK_MAX 1000

/* A child that is traced. fd refers to it even when it is reaped and its number is another process's. */
struct child {
	pid_t pid; /* 0 = none */
	int fd;
};

struct world {
	struct party neighbour, waiter, fresh, joiner;
	struct child victim, parent; /* parent: of an orphan */
	unsigned killed;             /* each may have published a frame and not told */
};

int64_t longest_wake_ns;
unsigned wakes;

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
	    .subscribers = s->flags & MANY ? 24 : 8,
	    .pins = s->flags & (WIDE | MANY) ? 25 : 9,
	    .loans = 2,
	    .keeps = s->flags & NO_KEEPS ? 0 : 1,
	    .quarantine_ns = s->flags & QUARANTINE ? 60000000000 : 0,
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
	if (s->flags & JOIN_LARGER && !stage->failed)
		somebody_joins(w, "growing publisher", growing_publisher_run);
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

static struct child child_of(pid_t pid)
{
	return (struct child){.pid = pid, .fd = pid > 0 ? pidfd_open(pid, 0) : -1};
}

static struct child start_victim(struct world *w, const struct scenario *s, enum who who)
{
	const struct timespec pause = {.tv_nsec = 100000};
	struct child child;
	pid_t pid = fork();

	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		be_victim(s, who);
	}
	child = child_of(pid);
	if (s->flags & ORPHAN) {
		w->parent = child;
		while (!stage->failed && atomic_load(&stage->victim) == 0)
			nanosleep(&pause, NULL);
		child = child_of(stage->victim);
	}
	if (child.fd < 0 || trace_wait_stop(child.pid) != AT_END ||
	    ptrace(PTRACE_SETOPTIONS, child.pid, NULL, PTRACE_O_EXITKILL) < 0)
		stage_fail("the victim did not get to its operation");
	return child;
}

/* By its descriptor: a walk that saw it die has reaped it, and its number may be anybody's by now. */
static void kill_and_reap(struct child *child)
{
	siginfo_t info;

	if (child->pid <= 0)
		return;
	pidfd_send_signal(child->fd, SIGKILL, NULL, 0);
	while (waitid(P_PIDFD, (id_t)child->fd, &info, WEXITED) < 0 && errno == EINTR)
		;
	close(child->fd);
	*child = (struct child){.pid = 0};
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
	struct child dead = start_victim(w, death, DEAD);
	enum stop stop = AT_DEATH;

	if (!stage->failed && s->death_after == 0)
		stop = trace_walk(dead.pid, NULL);
	else if (!stage->failed && known == s)
		stop = trace_leap(dead.pid, known_point);
	else if (!stage->failed)
		stop = trace_walk_atomics(dead.pid, s->death_after, &known_point);
	known = s;
	if (!stage->failed && stop != (s->death_after ? AT_POINT : AT_END))
		stage_fail("the operation %s has less than %u atomic operations", s->death, s->death_after);
	kill_and_reap(&dead);
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
	siginfo_t info = {.si_status = -1};

	damage_undo();
	if (ptrace(PTRACE_DETACH, w->victim.pid, NULL, NULL) < 0)
		stage_fail("the victim cannot be let go: %s", strerror(errno));
	while (waitid(P_PIDFD, (id_t)w->victim.fd, &info, WEXITED) < 0 && errno == EINTR && !stage->failed)
		;
	if (stage->failed)
		return; /* it is killed */
	close(w->victim.fd);
	w->victim.pid = 0;
	if (info.si_code != CLD_EXITED || info.si_status != 0)
		stage_fail("the victim lived, but ended with status %d", info.si_status);
	else
		atomic_store(&stage->quarantined, 0);
}

/* As often as the library takes for a proof of damage. */
static enum stop fail_swaps(pid_t pid, uintptr_t at)
{
	enum stop stop = trace_fail_swap(pid);

	for (unsigned i = 0; i < STUCK_MAX && stop == AT_POINT; i++) {
		stop = trace_leap(pid, (struct point){.at = at, .nth = 1});
		if (stop == AT_POINT)
			stop = trace_fail_swap(pid);
	}
	return stop;
}

/* Returns whether it came by all points of the plan. */
static bool play_victim(struct world *w, const struct scenario *s, const struct plan *plan)
{
	enum stop stop = plan->first.at ? trace_leap(w->victim.pid, plan->first) : AT_POINT;
	bool there = stop == AT_POINT;

	if (there && plan->then == FAIL_CALL)
		stop = trace_fail_call(w->victim.pid, plan->result, plan->error);
	else if (there && plan->then == LET_OTHERS)
		let_others(w, s);
	else if (there && plan->then == FAIL_SWAP)
		stop = fail_swaps(w->victim.pid, plan->first.at);
	if (stop == AT_POINT && plan->kill.at) {
		stop = trace_leap(w->victim.pid, plan->kill);
		if (stop == AT_POINT) {
			kill_victim(w);
			return there;
		}
		there = false;
	} else if (stop == AT_POINT) {
		stop = trace_walk(w->victim.pid, plan->walk);
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

/* Nobody publishes: a repair alone wakes who sleeps and who polls, in case that the dead published and told nobody. */
static void repair_alone(struct world *w)
{
	const struct timespec pause = {.tv_nsec = 20000};
	int64_t end = zoe_now_ns() + stage->patience_ms * 1000000ll;

	somebody_joins(w, "repairer", repairer_run);
	while (!stage->failed && atomic_load(&stage->waiter_next) < atomic_load(&stage->repaired_next)) {
		if (zoe_now_ns() > end)
			stage_fail("nobody woke the waiter: it wants %llu, the next number is %llu",
			           atomic_load(&stage->waiter_next), atomic_load(&stage->repaired_next));
		nanosleep(&pause, NULL);
	}
	if (!stage->failed && party_tell(&w->neighbour, 'p'))
		party_hear(&w->neighbour, 'p');
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

	damage_undo();
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
	struct world w = {.killed = 0};
	struct sigaction action = {.sa_handler = on_alarm}; /* no SA_RESTART: waits end with EINTR */
	bool there = false;

	sigaction(SIGALRM, &action, NULL);
	stage_clear();
	set_options(s);
	stage->call_fails = plan->then == FAIL_CALL;
	stage->swap_fails = plan->then == FAIL_SWAP;
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
	damage_undo();
	if (s->flags & CLEAN_FIRST && !stage->failed)
		repair_alone(&w);
	if (!stage->failed)
		check_world(&w);
	alarm(0);
	if (!stage->failed)
		return there ? FINE : MISSED;
	sweep(&w);
	return WRONG;
}
