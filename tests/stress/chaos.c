/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A monkey among publishers and subscribers of all kinds: it stops, continues, kills and restarts them at random. The
 * time is cut into epochs; at the end of each all but one are killed, and a referee looks at what they left.
 *
 *   chaos SECONDS [SEED] [halt]     halt: at the first failure stop everybody, for a debugger
 */
#include "chaos.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MS     1000000ll
#define SECOND (1000 * MS)
/* A call that lasts longer hangs. The longest honest ones wait 2 s each for a join lock and for a lossless subscriber. */
#define CALL_MAX_NS (15 * SECOND)
/* A publisher that is in and runs publishes again within this, unless a lossless subscriber is stopped. */
#define SUCCESS_MAX_NS (8 * SECOND)

struct chaos *chaos;

static const enum role cast[] = {PUBLISHER, PUBLISHER, PUBLISHER, PUBLISHER, LATEST, INTERVAL, NEXT,   DAWDLER,
                                 LOSSLESS,  MEMBER,    MEMBER,    OLDEST,    POLLER, CLEANER,  KEEPER, REFEREE};
static_assert(sizeof(cast) / sizeof(cast[0]) == CHAOS_PARTIES, "one role each");
#define KEEPER_AT  14u
#define REFEREE_AT 15u

/* What the monkey knows of a party. */
struct victim {
	pid_t pid; /* 0: dead */
	bool stopped;
	int64_t resume_ns, restart_ns;
	uint64_t beat, success; /* as last seen */
	int64_t beat_ns, success_ns;
};

static struct victim victims[CHAOS_PARTIES];
static struct dice dice;
static bool members_may_die, halt;
static unsigned epochs, kills, stops, leaves, starts;
static int64_t longest_call_ns, longest_success_ns;

/* ---- shared with the parties -------------------------------------------------------------------------------- */

const char *chaos_role_name(enum role role)
{
	static const char *const names[] = {"publisher", "latest", "interval", "next",   "dawdler", "lossless",
	                                    "member",    "oldest", "poller",   "keeper", "cleaner", "referee"};

	return names[role];
}

const char *chaos_call_name(enum call call)
{
	static const char *const names[] = {"no call", "open", "loan",    "publish", "keep",  "trim",
	                                    "take",    "poll", "release", "close",   "clean", "look"};

	return names[call];
}

void chaos_fail(const struct party *party, const char *what, uint64_t a, uint64_t b)
{
	fprintf(stderr, "chaos: %s %u (pid %d, in %s): %s (%" PRIu64 ", %" PRIu64 "): %s\n",
	        chaos_role_name(party->role), party->number, (int)getpid(),
	        chaos_call_name((enum call)atomic_load(&party->doing)), what, a, b, zoe_error());
	atomic_fetch_add(&chaos->failures, 1);
	if (halt)
		raise(SIGSTOP);
}

void chaos_pause(uint64_t microseconds)
{
	const struct timespec pause = {.tv_sec = (time_t)(microseconds / 1000000),
	                               .tv_nsec = (long)(microseconds % 1000000 * 1000)};

	nanosleep(&pause, NULL);
}

/* ---- stalls ------------------------------------------------------------------------------------------------- */

/*
 * The monkey mostly finds a party asleep. So each one also stalls, and kills itself, at moments of its processor time: in the
 * midst of what it does. The timer counts processor time only.
 */
static struct dice stall_dice;
static bool may_die;

static void next_stall(void)
{
	const struct itimerval soon = {.it_value.tv_usec = 1000 + (suseconds_t)dice_roll(&stall_dice, 9000)};

	setitimer(ITIMER_PROF, &soon, NULL);
}

static void stall(int number)
{
	int saved = errno;
	uint64_t longest = dice_hit(&stall_dice, 20) ? 300000 : dice_hit(&stall_dice, 200) ? 30000 : 2000;

	(void)number;
	if (may_die && dice_hit(&stall_dice, 40))
		raise(SIGKILL);
	chaos_pause(dice_roll(&stall_dice, longest));
	next_stall();
	errno = saved;
}

static void begin_to_stall(const struct party *me, uint64_t seed)
{
	const struct sigaction action = {.sa_handler = stall, .sa_flags = SA_RESTART};

	stall_dice.state = ~seed;
	may_die = me->role != KEEPER && (me->role != MEMBER || members_may_die);
	sigaction(SIGPROF, &action, NULL);
	next_stall();
}

/* ---- start, stop, kill -------------------------------------------------------------------------------------- */

static void live(struct party *me, uint64_t seed)
{
	struct dice own = {.state = seed};

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* nobody outlives the monkey */
	if (me->role != REFEREE)
		begin_to_stall(me, seed);
	if (me->role == PUBLISHER)
		chaos_publish(me, &own);
	else if (me->role == CLEANER)
		chaos_clean(me, &own);
	else if (me->role == REFEREE)
		chaos_referee(me);
	else
		chaos_subscribe(me, &own);
}

static void start(unsigned i)
{
	struct party *party = &chaos->parties[i];
	uint64_t seed = mix(dice.state + ++starts);
	int64_t now = zoe_now_ns();

	atomic_store(&party->quit, 0);
	atomic_store(&party->idle, 0);
	atomic_store(&party->doing, IDLE);
	victims[i] = (struct victim){.pid = fork(),
	                             .beat_ns = now,
	                             .success_ns = now,
	                             .beat = atomic_load(&party->beat),
	                             .success = atomic_load(&party->success)};
	if (victims[i].pid == 0) {
		live(party, seed);
		exit(0);
	}
	if (victims[i].pid < 0) {
		perror("chaos: fork");
		exit(2);
	}
}

static void resume(unsigned i)
{
	struct victim *v = &victims[i];

	kill(v->pid, SIGCONT);
	v->stopped = false;
	v->beat_ns = zoe_now_ns();
	v->success_ns = v->beat_ns;
}

/* A party has ended: it was asked or killed, or it killed itself. */
static void buried(unsigned i, int status)
{
	bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;

	if (!killed && status != 0)
		chaos_fail(&chaos->parties[i], "ended badly", (uint64_t)victims[i].pid, (uint64_t)status);
	victims[i].pid = 0;
	victims[i].stopped = false;
	victims[i].restart_ns = zoe_now_ns() + (int64_t)dice_roll(&dice, 300) * MS;
	kills += killed;
}

static void murder(unsigned i)
{
	int status = 0;

	if (victims[i].pid == 0)
		return;
	kill(victims[i].pid, SIGKILL);
	waitpid(victims[i].pid, &status, 0);
	buried(i, status);
}

/* Ask party i to leave, wait for it. Returns false if it hangs. */
static void leave(unsigned i)
{
	int64_t end = zoe_now_ns() + CALL_MAX_NS;
	int status = 0;

	atomic_store(&chaos->parties[i].quit, 1);
	while (zoe_now_ns() < end) {
		if (waitpid(victims[i].pid, &status, WNOHANG) > 0) {
			buried(i, status);
			return;
		}
		chaos_pause(1000);
	}
	chaos_fail(&chaos->parties[i], "does not end", (uint64_t)victims[i].pid, 0);
	murder(i);
}

/* ---- one round ---------------------------------------------------------------------------------------------- */

static void act(void)
{
	unsigned i = (unsigned)dice_roll(&dice, KEEPER_AT);
	struct victim *v = &victims[i];
	bool spared = chaos->parties[i].role == MEMBER && !members_may_die;
	uint64_t what = dice_roll(&dice, 100);

	if (v->pid == 0)
		return;
	if (what < 40 && !v->stopped) {
		uint64_t longest = dice_hit(&dice, 100) ? 3000 : dice_hit(&dice, 300) ? 300 : 20;

		kill(v->pid, SIGSTOP);
		v->stopped = true;
		v->resume_ns = zoe_now_ns() + (int64_t)dice_roll(&dice, longest * 1000) * 1000;
		stops++;
	} else if (what < 85 && !spared) {
		murder(i);
	} else if (what >= 85 && !v->stopped && !spared) {
		atomic_store(&chaos->parties[i].quit, 1);
		leaves++;
	}
}

static bool lossless_stopped(void)
{
	for (unsigned i = 0; i < CHAOS_PARTIES; i++) {
		if (cast[i] == LOSSLESS && victims[i].stopped)
			return true;
	}
	return false;
}

/* Does party i get on? */
static void watch(unsigned i, int64_t now)
{
	struct party *party = &chaos->parties[i];
	struct victim *v = &victims[i];
	uint64_t beat = atomic_load(&party->beat), success = atomic_load(&party->success);
	enum call call = (enum call)atomic_load(&party->doing);

	if (beat != v->beat)
		v->beat_ns = now;
	if (success != v->success || party->role != PUBLISHER || call == OPEN || call == CLOSE || lossless_stopped())
		v->success_ns = now;
	v->beat = beat;
	v->success = success;
	if (now - v->beat_ns > longest_call_ns && party->role == PUBLISHER)
		longest_call_ns = now - v->beat_ns;
	if (now - v->success_ns > longest_success_ns)
		longest_success_ns = now - v->success_ns;
	if (now - v->beat_ns > CALL_MAX_NS)
		chaos_fail(party, "hangs; its pid and seconds", (uint64_t)v->pid,
		           (uint64_t)((now - v->beat_ns) / SECOND));
	if (now - v->success_ns > SUCCESS_MAX_NS)
		chaos_fail(party, "publishes nothing; its pid and seconds", (uint64_t)v->pid,
		           (uint64_t)((now - v->success_ns) / SECOND));
}

static void tend(void)
{
	int64_t now = zoe_now_ns();
	int status;

	for (unsigned i = 0; i < REFEREE_AT; i++) {
		struct victim *v = &victims[i];

		if (v->pid && waitpid(v->pid, &status, WNOHANG) > 0)
			buried(i, status);
		else if (v->pid == 0 && now >= v->restart_ns)
			start(i);
		else if (v->stopped && now >= v->resume_ns)
			resume(i);
		else if (v->pid && !v->stopped)
			watch(i, now);
	}
}

/* ---- epochs ------------------------------------------------------------------------------------------------- */

static bool all_well(void)
{
	return atomic_load(&chaos->failures) == 0;
}

static bool wait_for(bool (*what)(void), const char *name)
{
	int64_t end = zoe_now_ns() + CALL_MAX_NS;

	while (!what()) {
		if (zoe_now_ns() > end) {
			chaos_fail(&chaos->parties[KEEPER_AT], name, 0, 0);
			return false;
		}
		chaos_pause(1000);
	}
	return true;
}

static bool members_idle(void)
{
	for (unsigned i = 0; i < CHAOS_PARTIES; i++) {
		if (cast[i] == MEMBER && atomic_load(&chaos->parties[i].idle) < 4)
			return false;
	}
	return true;
}

static bool keeper_rests(void)
{
	return atomic_load(&chaos->resting);
}

static void murder_all(bool members_too)
{
	for (unsigned i = 0; i < KEEPER_AT; i++) {
		if (cast[i] != MEMBER || members_too)
			murder(i);
		else if (victims[i].stopped)
			resume(i);
	}
}

static void referee(void)
{
	atomic_store(&chaos->rest, 1);
	if (wait_for(keeper_rests, "does not rest")) {
		start(REFEREE_AT);
		leave(REFEREE_AT);
	}
	atomic_store(&chaos->rest, 0);
}

/* The last one leaves in order, and takes the topic with it; or is killed, and somebody else has to. */
static void end_of_topic(bool last)
{
	struct zoe_domain *domain = NULL;

	if (dice_hit(&dice, 500)) {
		leave(KEEPER_AT);
		if (!last)
			return;
	} else {
		murder(KEEPER_AT);
		if (!last && dice_hit(&dice, 500))
			return; /* the next epoch finds it */
	}
	if (zoe_domain_open(NULL, &domain) < 0 || zoe_domain_clean(domain) < 0)
		chaos_fail(&chaos->parties[REFEREE_AT], "not cleaned", 0, 0);
	zoe_domain_close(domain);
	chaos_check_empty(&chaos->parties[REFEREE_AT]);
}

/* From then on the topic is the same until the epoch ends, whoever is killed. */
static bool keeper_is_in(void)
{
	return atomic_load(&chaos->parties[KEEPER_AT].success) > 0;
}

static void prepare_epoch(void)
{
	for (unsigned i = 0; i < CHAOS_LEDGER; i++) {
		atomic_store_explicit(&chaos->ledger[i], 0, memory_order_relaxed);
		atomic_store_explicit(&chaos->group[i], 0, memory_order_relaxed);
	}
	atomic_store(&chaos->resting, 0);
	atomic_store(&chaos->newest, 0);
	atomic_store(&chaos->group_taken, 0);
	atomic_store(&chaos->group_start, UINT64_MAX);
	atomic_store(&chaos->limit_bytes, 900);
	atomic_store(&chaos->small, dice_hit(&dice, 500));
	atomic_store(&chaos->parties[KEEPER_AT].success, 0);
	members_may_die = dice_hit(&dice, 500);
	epochs++;
}

/* For a debugger: everybody stays as it is, until the monkey is ended. */
static void freeze(void)
{
	for (unsigned i = 0; i < CHAOS_PARTIES; i++) {
		if (victims[i].pid)
			kill(victims[i].pid, SIGSTOP);
	}
	fprintf(stderr, "chaos: halted, pid %d\n", (int)getpid());
	pause();
}

static void epoch(int64_t end)
{
	int64_t grow_ns = 0;

	prepare_epoch();
	for (unsigned i = 0; i < REFEREE_AT; i++)
		start(i);
	wait_for(keeper_is_in, "does not get in");
	while (zoe_now_ns() < end && all_well()) {
		chaos_pause(dice_roll(&dice, 20000));
		tend();
		act();
		if (zoe_now_ns() > grow_ns && atomic_load(&chaos->limit_bytes) < 1500000) {
			atomic_store(&chaos->limit_bytes, atomic_load(&chaos->limit_bytes) * 5 / 4);
			grow_ns = zoe_now_ns() + 300 * MS;
		}
	}
	if (!all_well() && halt)
		freeze();
	murder_all(false);
	if (all_well() && !members_may_die && wait_for(members_idle, "the group does not end"))
		chaos_check_group(&chaos->parties[REFEREE_AT]);
	murder_all(true);
	if (victims[KEEPER_AT].pid && all_well())
		referee();
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		fprintf(stderr, "usage: chaos SECONDS [SEED] [halt]\n");
		return 2;
	}
	uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : (uint64_t)zoe_now_ns();
	int64_t end = zoe_now_ns() + (int64_t)(atof(argv[1]) * 1e9);

	halt = argc > 3;
	dice.state = mix(seed);
	chaos = mmap(NULL, sizeof(*chaos), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (chaos == MAP_FAILED)
		return 2;
	for (unsigned i = 0; i < CHAOS_PARTIES; i++) {
		chaos->parties[i].role = cast[i];
		chaos->parties[i].number = i;
	}
	printf("seed %" PRIu64 "\n", seed);
	fflush(stdout);
	while (zoe_now_ns() < end && all_well()) {
		int64_t epoch_end = zoe_now_ns() + (int64_t)(4 + dice_roll(&dice, 5)) * SECOND;

		epoch(epoch_end < end ? epoch_end : end);
		if (all_well())
			end_of_topic(zoe_now_ns() >= end);
	}
	for (unsigned i = 0; i < CHAOS_PARTIES; i++)
		murder(i);
	printf("measured: chaos %s s, seed %" PRIu64
	       ": %u epochs, %u kills, %u stops, %u leaves, %u starts, %llu shapes; "
	       "%llu published, %llu taken, %llu reported lost, %llu held up by lossless ones; a publisher's longest "
	       "call %.0f ms, "
	       "longest time between two frames %.0f ms; %u failures\n",
	       argv[1], seed, epochs, kills, stops, leaves, starts, chaos->shapes, chaos->published, chaos->taken,
	       chaos->lost, chaos->timeouts, (double)longest_call_ns / 1e6, (double)longest_success_ns / 1e6,
	       chaos->failures);
	return chaos->failures ? 1 : 0;
}
