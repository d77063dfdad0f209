/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Kill real processes at every instruction of libzoetrope, and look what their death did to others.
 *
 *   kill DOMAIN REACHED SCENARIO...   walk through these scenarios; add to REACHED where kills were tried
 *   kill --list                       names of all scenarios
 *
 * Of each scenario: its steps are noted once. Then it is run again for each step and killed there. If it may be stopped
 * (STOPS), it is stopped at each instruction while others go on, and continued. Then each call of libc fails once in each
 * way. What that reaches of instructions that no kill has reached yet is killed as well.
 * ZOETROPE_SOAK: each instruction of every scenario the first twenty times and the last, calls that fail the first and
 * the last time. Else: of LONG ones each instruction the first and the last time; of VARIANTs what is new, and the steps
 * after a change that others can see.
 * KILL_FAILURES: end after so many. KILL_STOPS: stop, kill nobody. KILL_PATIENCE_MS: a party that needs longer hangs.
 */
#include "faults.h"
#include "trial.h"

#include <fcntl.h>
#include <inttypes.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

/* Instructions of the library that a kill was tried at; by offset in its file. */
#define TEXT_MAX (1u << 20)
static uint32_t reached[TEXT_MAX], reached_elsewhere[TEXT_MAX];
static uint8_t reached_before[TEXT_MAX], failed_before[TEXT_MAX]; /* failed: a bit for each way of the call there */

/* What is done because of a death is killed at every repetition too, up to so many steps. */
#define PART_MOST 1000

/* One scenario under way. */
struct run {
	const struct scenario *scenario;
	uint8_t *killed_at; /* [TEXT_MAX] */
	unsigned kills, stops, faults, missed, failures;
	unsigned failures_most;
	bool soak, stops_only;
	int64_t longest_ns;
	struct plan longest;
	size_t part, part_end; /* steps that are walked through */
};

static void report(struct run *run, const struct plan *plan)
{
	static const char *const then[] = {"", ", its call fails", ", others go on", ", its swap fails"};

	run->failures++;
	printf("FAILED %s:", run->scenario->name);
	if (plan->first.at)
		printf(" at %#" PRIxPTR " (time %u)%s", trace_offset(plan->first.at), plan->first.nth,
		       then[plan->then]);
	if (plan->then == FAIL_CALL)
		printf(" with errno %d", plan->error);
	if (plan->kill.at)
		printf(" killed at %#" PRIxPTR " (time %u)", trace_offset(plan->kill.at), plan->kill.nth);
	printf(": %s\n", stage->failure);
	fflush(stdout);
}

/* Paths differ now and then, when time passes or files lie in another order: three tries. */
static bool try_plan(struct run *run, const struct plan *plan)
{
	enum outcome outcome = MISSED;

	int64_t begin = zoe_now_ns();

	for (unsigned i = 0; i < 3 && outcome == MISSED; i++)
		outcome = trial_run(run->scenario, plan);
	if (zoe_now_ns() - begin > run->longest_ns) {
		run->longest_ns = zoe_now_ns() - begin;
		run->longest = *plan;
	}
	if (outcome == WRONG)
		report(run, plan);
	if (outcome == MISSED)
		run->missed++;
	if (plan->kill.at && outcome != MISSED) {
		run->kills++;
		run->killed_at[trace_offset(plan->kill.at)] = 1;
		reached_before[trace_offset(plan->kill.at)] = 1;
		reached[trace_offset(plan->kill.at)]++;
	}
	return run->failures < run->failures_most;
}

/* The first and the last time, if that does not take too many breakpoints to come to. */
static bool at_an_end(const struct step *step)
{
	return step->nth == 1 || (step->last && step->nth <= 100);
}

/* Every time; of what is done a thousand times because of damage, a part. */
static bool in_soak(const struct run *run, const struct step *step)
{
	return run->soak && (step->nth <= 20 || step->last);
}

static struct point before(const struct step *step)
{
	return (struct point){.at = step->at, .nth = step->nth};
}

/*
 * Which steps of a long operation are walked through. Where somebody died before, only what is done because of it: the
 * walk's part that is not as it is without that death.
 */
static void find_part(struct run *run, const struct walk *walk)
{
	struct scenario peaceful = *run->scenario;
	struct walk other = {.count = 0};
	size_t first = 0, same = 0;

	run->part = 0;
	run->part_end = walk->count;
	if (!peaceful.death || run->soak)
		return;
	peaceful.death = NULL;
	if (trial_run(&peaceful, &(struct plan){.walk = &other}) == WRONG) {
		report(run, &(struct plan){.walk = NULL});
		return;
	}
	size_t most = other.count < walk->count ? other.count : walk->count;

	while (first < most && walk->steps[first].at == other.steps[first].at)
		first++;
	while (same < most - first && walk->steps[walk->count - 1 - same].at == other.steps[other.count - 1 - same].at)
		same++;
	run->part = first;
	run->part_end = walk->count - same;
	free(other.steps);
}

/* Others can tell it from the step before: that one was an atomic operation or a system call. */
static bool after_change(const struct walk *walk, size_t step)
{
	const struct step *before = &walk->steps[step - 1];

	return step > 0 && (trace_atomic(before->at) || fault_possible(before->call));
}

static bool new_or_change(const struct walk *walk, size_t step)
{
	return (walk->steps[step].nth == 1 && !reached_before[trace_offset(walk->steps[step].at)]) ||
	       (at_an_end(&walk->steps[step]) && after_change(walk, step));
}

static bool chosen(const struct run *run, const struct walk *walk, size_t step)
{
	if (step < run->part || step >= run->part_end)
		return false;
	if (!run->soak && run->scenario->flags & VARIANT)
		return new_or_change(walk, step);
	if (run->soak)
		return in_soak(run, &walk->steps[step]);
	if (!(run->scenario->flags & LONG) || at_an_end(&walk->steps[step]))
		return true;
	return run->scenario->death && run->part_end - run->part < PART_MOST;
}

static bool kill_everywhere(struct run *run, const struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		struct plan plan = {.kill = before(&walk->steps[i])};

		if (chosen(run, walk, i) && !try_plan(run, &plan))
			return false;
	}
	return true;
}

/* A stop here, while others go on. The topic that grows meanwhile makes a difference for long, so some will do. */
static bool chosen_stop(const struct run *run, const struct walk *walk, size_t step)
{
	unsigned flags = run->scenario->flags;

	if (run->soak)
		return flags & LONG ? at_an_end(&walk->steps[step]) : in_soak(run, &walk->steps[step]);
	if (step < run->part || step >= run->part_end)
		return false;
	if (flags & JOIN_LARGER && step % 25 == 0)
		return true;
	return flags & (VARIANT | RARE_STOPS) ? new_or_change(walk, step) : at_an_end(&walk->steps[step]);
}

/* Do as planned and live; then again, killed at each instruction that was not yet tried. */
static bool explore(struct run *run, struct plan plan)
{
	struct walk walk = {.count = 0};
	bool go_on;

	plan.walk = &walk;
	go_on = try_plan(run, &plan);
	plan.walk = NULL;
	for (size_t i = 0; i < walk.count && go_on; i++) {
		plan.kill = before(&walk.steps[i]);
		if (!(run->soak ? run->killed_at : reached_before)[trace_offset(plan.kill.at)])
			go_on = try_plan(run, &plan);
	}
	free(walk.steps);
	return go_on;
}

static bool stop_everywhere(struct run *run, const struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		struct plan plan = {.first = before(&walk->steps[i]), .then = LET_OTHERS};

		if (!chosen_stop(run, walk, i))
			continue;
		run->stops++;
		/* what comes after a stop in a join is what comes after failed calls as well */
		if (run->stops_only || (run->scenario->flags & LONG && !run->soak) ? !try_plan(run, &plan)
		                                                                   : !explore(run, plan))
			return false;
	}
	return true;
}

static bool fail_everywhere(struct run *run, const struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		if (!chosen(run, walk, i) || !at_an_end(&walk->steps[i]))
			continue;
		for (unsigned n = 0; fault_of(walk->steps[i].call, n); n++) {
			const struct fault *fault = fault_of(walk->steps[i].call, n);
			struct plan plan = {.first = before(&walk->steps[i]),
			                    .then = FAIL_CALL,
			                    .result = fault->result,
			                    .error = fault->error};

			uint8_t *before_now = &failed_before[trace_offset(walk->steps[i].at)];

			if (*before_now >> n & 1 && run->scenario->flags & VARIANT && !run->soak)
				continue;
			*before_now |= (uint8_t)(1u << n);
			run->faults++;
			if (!explore(run, plan))
				return false;
		}
	}
	return true;
}

static bool fail_swaps(struct run *run, const struct walk *walk)
{
	for (size_t i = 0; i < walk->count; i++) {
		if (trace_swap(walk->steps[i].at) &&
		    !explore(run, (struct plan){.first = before(&walk->steps[i]), .then = FAIL_SWAP}))
			return false;
	}
	return true;
}

static unsigned run_scenario(const struct scenario *scenario, unsigned failures_most)
{
	struct run run = {.scenario = scenario, .soak = getenv("ZOETROPE_SOAK"), .failures_most = failures_most};
	struct walk walk = {.count = 0};
	int64_t begin = zoe_now_ns();
	bool go_on;

	run.killed_at = calloc(TEXT_MAX, 1);
	if (!run.killed_at)
		return 1;
	go_on = try_plan(&run, &(struct plan){.walk = &walk});
	find_part(&run, &walk);
	run.stops_only = getenv("KILL_STOPS");
	go_on = go_on && (run.stops_only || kill_everywhere(&run, &walk));
	if (scenario->flags & STOPS)
		go_on = go_on && stop_everywhere(&run, &walk);
	if (scenario->flags & SWAPS)
		go_on = go_on && fail_swaps(&run, &walk);
	if (go_on && !run.stops_only)
		fail_everywhere(&run, &walk);
	uintptr_t longest_at = run.longest.first.at ? run.longest.first.at : run.longest.kill.at;

	printf(
	    "%-22s %6zu steps %6u kills %5u stops %5u failed calls %3u missed %6.2f s; longest %4.0f ms at %#" PRIxPTR
	    "\n",
	    scenario->name, walk.count, run.kills, run.stops, run.faults, run.missed,
	    (double)(zoe_now_ns() - begin) / 1e9, (double)run.longest_ns / 1e6,
	    longest_at ? trace_offset(longest_at) : 0);
	fflush(stdout);
	free(walk.steps);
	free(run.killed_at);
	return run.failures;
}

/* What the file says, which other workers read and write as well. */
static void read_reached(FILE *file, bool add)
{
	unsigned at, kills, failed;

	while (fscanf(file, "%x %u %x\n", &at, &kills, &failed) == 3) {
		at %= TEXT_MAX;
		reached_elsewhere[at] = kills;
		failed_before[at] |= (uint8_t)failed;
		if (add)
			reached_before[at] = kills > 0;
	}
}

static FILE *open_reached(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	FILE *file = fd < 0 ? NULL : fdopen(fd, "r+");

	if (file)
		flock(fd, LOCK_EX);
	return file;
}

/* What scenarios before this one reached need not be tried again just for being new. */
static bool know_reached(const char *path)
{
	FILE *file = open_reached(path);

	if (!file)
		return false;
	read_reached(file, true);
	return fclose(file) == 0;
}

static bool write_reached(const char *path)
{
	FILE *file = open_reached(path);

	if (!file)
		return false;
	read_reached(file, false);
	rewind(file);
	for (unsigned i = 0; i < TEXT_MAX; i++) {
		if (reached[i] || reached_elsewhere[i] || failed_before[i])
			fprintf(file, "%#x %u %#x\n", i, reached[i] + reached_elsewhere[i], failed_before[i]);
	}
	return fclose(file) == 0;
}

int main(int argc, char **argv)
{
	const char *most = getenv("KILL_FAILURES");
	unsigned failures = 0;

	if (argc == 2 && !strcmp(argv[1], "--list")) {
		for (unsigned i = 0; i < scenario_count; i++)
			puts(scenarios[i].name);
		return 0;
	}
	if (argc < 4) {
		fprintf(stderr, "usage: kill DOMAIN REACHED SCENARIO... | --list\n");
		return 2;
	}
	/* so that no step goes through the dynamic linker */
	if (!getenv("LD_BIND_NOW") && setenv("LD_BIND_NOW", "1", 1) == 0)
		execv("/proc/self/exe", argv);
	/* who wakes another one goes on: trials are mostly processes that wait for each other */
	sched_setscheduler(0, SCHED_BATCH, &(struct sched_param){.sched_priority = 0});
	trace_find_library();
	stage_make();
	snprintf(stage->domain, sizeof(stage->domain), "%s", argv[1]);
	if (!know_reached(argv[2]))
		return 2;
	for (int i = 3; i < argc; i++) {
		const struct scenario *scenario = scenario_find(argv[i]);

		if (!scenario) {
			fprintf(stderr, "kill: there is no scenario %s\n", argv[i]);
			return 2;
		}
		failures += run_scenario(scenario, most ? (unsigned)atoi(most) : 3);
	}
	printf("longest of %u wake-ups %.1f ms; %u failures\n", wakes, (double)longest_wake_ns / 1e6, failures);
	return write_reached(argv[2]) && failures == 0 ? 0 : 1;
}
