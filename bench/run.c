/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One peer, one kind of traffic: starts senders and receivers as processes of their own, pins them, lets them warm up,
 * measures, and prints one line of JSON. bench-NAME WORK SECONDS
 *
 * The first process starts the others, looks after them, and stops them all whatever happens.
 */
#include "bench.h"
#include "measure.h"
#include "works.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PROCESSES_MAX (BENCH_SENDERS_MAX + BENCH_RECEIVERS_MAX + 1)
#define SAMPLES_MAX   500000u
#define SLICE_NS      20000000
#define OPEN_NS       20000000000 /* for all sides to open, and to close: a peer may have to find the others first */

/* Before, while and after the measurement. A stall has three measurements. */
enum phase { WARM, MEASURE, STOPPED, KILLED, END };

struct samples {
	size_t count;
	int64_t ticks[SAMPLES_MAX];
};

/* What a process found out. */
struct result {
	uint64_t count, lost, torn;
	int64_t begin_ns, end_ns, cpu_ns;
	_Alignas(64) struct samples samples[END]; /* latency of a receiver, cost of a sender */
	struct samples more;                      /* alone: cost of receiving */
};

struct shared {
	_Alignas(64) atomic_int phase;
	_Alignas(64) atomic_uint senders_open, receivers_open, senders_done;
	atomic_bool stalled; /* the receiver that will be stopped holds its message */
	struct result results[PROCESSES_MAX];
};

/* One process. */
struct role {
	const struct bench_work *work;
	struct shared *shared;
	struct result *result;
	void *side;
	bool sender, stalls;
	unsigned number;
};

static void add(struct samples *samples, int64_t ticks)
{
	if (samples->count < SAMPLES_MAX)
		samples->ticks[samples->count++] = ticks;
}

/* ---- content ------------------------------------------------------------------------------------------------ */

static void draw(const struct bench_work *work, void *at, uint64_t seq)
{
	if (work->fill)
		memset(at, (int)seq & 0xff, work->size);
}

static void stamp(void *at, unsigned sender, uint64_t seq, int64_t sent)
{
	*(struct bench_stamp *)at = (struct bench_stamp){.seq = seq, .sent = sent, .sender = sender, .seq_again = seq};
}

/* Reads a word of each line of a message that is read in full. */
static bool whole(const struct bench_work *work, const void *message)
{
	const struct bench_stamp *first = message;
	const uint64_t wanted = (first->seq & 0xff) * 0x0101010101010101;
	const uint64_t *words = message;
	uint64_t difference = first->seq ^ first->seq_again;

	for (size_t i = sizeof(*first) / 8; work->fill && i < work->size / 8; i += 8)
		difference |= words[i] ^ wanted;
	return difference == 0;
}

/* ---- processes ---------------------------------------------------------------------------------------------- */

/* The memory of samples is there before the first of them: a page fault costs more than what is measured. */
static void prefault(struct samples *samples)
{
	for (size_t i = 0; i < SAMPLES_MAX; i += 4096 / sizeof(samples->ticks[0]))
		*(volatile int64_t *)&samples->ticks[i] = 0;
}

static int phase_of(const struct role *role)
{
	return atomic_load_explicit(&role->shared->phase, memory_order_relaxed);
}

/*
 * On a machine with other work: nobody else runs on the cores meanwhile. Not if processes that poll have to share a core:
 * then one would never let the others have it. The one that stalls does not poll.
 */
static void realtime(const struct bench_work *work, int priority)
{
	const long polling = work->polling && !work->alone ? work->senders + work->receivers : 1;

	if (getenv("BENCH_REALTIME") && polling <= sysconf(_SC_NPROCESSORS_ONLN))
		sched_setscheduler(0, SCHED_FIFO, &(struct sched_param){.sched_priority = priority});
}

/* Senders on the first core; receivers on the others in turn, and on the first one if they are many. */
static void pin(const struct role *role)
{
	long cores = sysconf(_SC_NPROCESSORS_ONLN);
	unsigned core = role->sender || cores < 2 ? role->number : role->number + 1;
	cpu_set_t set;

	if (role->stalls)
		core = 0;
	CPU_ZERO(&set);
	CPU_SET(core % (cores > 0 ? (unsigned)cores : 1), &set);
	sched_setaffinity(0, sizeof(set), &set);
	realtime(role->work, role->stalls ? 2 : 1); /* it shares a core with a sender that polls */
}

/* A process waits for the others: as long as the first one lives. */
static void wait_open(atomic_uint *count, unsigned wanted)
{
	while (atomic_load(count) < wanted)
		usleep(200);
}

static void wait_due(const struct bench_work *work, int64_t due_ns)
{
	const struct timespec due = {.tv_sec = due_ns / 1000000000, .tv_nsec = due_ns % 1000000000};

	if (work->polling) {
		while (bench_now_ns() < due_ns)
			bench_pause();
	} else {
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &due, NULL);
	}
}

/* Begin and end of the measurement, seen from one process. */
static void note_phase(struct role *role, int phase)
{
	struct result *r = role->result;

	if (phase == WARM || r->end_ns)
		return;
	if (!r->begin_ns) {
		r->cpu_ns = bench_cpu_ns();
		r->begin_ns = bench_now_ns();
		r->count = 0;
	}
	if (phase == END) {
		r->end_ns = bench_now_ns();
		r->cpu_ns = bench_cpu_ns() - r->cpu_ns;
	}
}

static void send_all(struct role *role)
{
	const struct bench_work *work = role->work;
	const int64_t interval = work->rate_hz ? 1000000000 / work->rate_hz : 0;
	int64_t due = bench_now_ns();
	int phase = WARM, last = -1;

	for (uint64_t seq = 0; phase != END; seq++) {
		phase = phase_of(role);
		if (phase != last)
			note_phase(role, last = phase);
		int64_t before = bench_ticks();
		void *at = bench_peer.prepare(role->side);
		int64_t waited = bench_ticks();

		draw(work, at, seq);
		if (interval) {
			wait_due(work, due);
			due += interval;
			if (due < bench_now_ns())
				due = bench_now_ns(); /* no burst after a hold-up */
		}
		int64_t sent = interval ? bench_ticks() : 0;

		stamp(at, role->number, seq, sent);
		bench_peer.send(role->side);
		if (phase < END && interval)
			add(&role->result->samples[phase], bench_ticks() - sent + waited - before);
		role->result->count++;
	}
	atomic_fetch_add(&role->shared->senders_done, 1);
}

static void receive_one(struct role *role, const void *message, int64_t now, uint64_t next[BENCH_SENDERS_MAX])
{
	const struct bench_stamp *stamp = message;
	struct result *r = role->result;
	int phase = phase_of(role);

	if (role->work->rate_hz && phase < END)
		add(&r->samples[phase], now - stamp->sent);
	if (stamp->sender >= BENCH_SENDERS_MAX) {
		r->torn++;
		return;
	}
	if (next[stamp->sender] && stamp->seq > next[stamp->sender])
		r->lost += stamp->seq - next[stamp->sender];
	next[stamp->sender] = stamp->seq + 1;
	r->torn += !whole(role->work, message);
	r->count += phase < END;
}

static void receive_all(struct role *role)
{
	uint64_t next[BENCH_SENDERS_MAX] = {0};
	int last = -1;

	for (unsigned idle = 0;;) {
		int phase = phase_of(role);

		if (phase != last)
			note_phase(role, last = phase);
		const void *message = bench_peer.receive(role->side, role->work->polling ? 0 : SLICE_NS);
		int64_t now = role->work->rate_hz ? bench_ticks() : 0;

		if (message) {
			if (role->stalls && phase == MEASURE) {
				atomic_store(&role->shared->stalled, true);
				pause(); /* with the message in hand, until killed */
			}
			receive_one(role, message, now, next);
			bench_peer.release(role->side);
			idle = 0;
		} else if (phase == END && atomic_load(&role->shared->senders_done) == role->work->senders) {
			if (++idle > 1000 || !role->work->polling)
				return;
		}
		if (!message && role->stalls)
			usleep(1000);
	}
}

/* Sending and receiving by one thread: what the calls cost when no line has to come from elsewhere. */
static void alone(struct role *role)
{
	void *receiver = bench_peer.open(role->work, false, 0);

	if (!receiver)
		bench_fail("cannot open");
	for (uint64_t seq = 0; phase_of(role) != END; seq++) {
		int64_t t0 = bench_ticks();

		for (unsigned i = 0; i < 3; i++)
			stamp(bench_peer.prepare(role->side), 0, seq, 0), bench_peer.send(role->side);
		int64_t t1 = bench_ticks();

		for (unsigned i = 0; i < 3; i++)
			bench_peer.receive(receiver, 0), bench_peer.release(receiver);
		int64_t t2 = bench_ticks();

		if (phase_of(role) != MEASURE)
			continue;
		add(&role->result->samples[MEASURE], (t1 - t0) / 3);
		add(&role->result->more, (t2 - t1) / 3);
	}
	bench_peer.close(receiver);
}

static _Noreturn void run_role(struct role *role)
{
	struct shared *shared = role->shared;
	const struct bench_work *work = role->work;

	if (role->sender && role->number > 0)
		wait_open(&shared->senders_open, role->number);
	if (!role->sender)
		wait_open(&shared->senders_open, work->senders);
	role->side = bench_peer.open(work, role->sender, role->number);
	if (!role->side)
		bench_fail("cannot open");
	if (work->alone || work->rate_hz > 1000)
		prefault(&role->result->samples[MEASURE]);
	if (work->alone)
		prefault(&role->result->more);
	pin(role); /* not the threads that a peer started: they go where there is room */
	atomic_fetch_add(role->sender ? &shared->senders_open : &shared->receivers_open, 1);
	if (role->sender && !work->alone)
		wait_open(&shared->receivers_open, work->receivers + work->stall);
	if (work->alone)
		alone(role);
	else if (role->sender)
		send_all(role);
	else
		receive_all(role);
	bench_peer.close(role->side);
	exit(0); /* not _exit(): libraries of peers tidy up then */
}

/* ---- the whole ---------------------------------------------------------------------------------------------- */

static struct {
	pid_t self, pids[PROCESSES_MAX]; /* 0: ended */
	unsigned count;
	pid_t stalling; /* will be killed by us */
	volatile sig_atomic_t interrupted;
} family;

static void start(struct role role)
{
	role.result = &role.shared->results[family.count];
	pid_t pid = fork();

	if (pid < 0)
		bench_fail("fork: %s", strerror(errno));
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run_role(&role);
	}
	family.pids[family.count++] = pid;
	if (role.stalls)
		family.stalling = pid;
}

/* How many have not ended. One that failed ends all. */
static unsigned alive(void)
{
	unsigned left = 0;

	if (family.interrupted)
		bench_fail("interrupted");
	for (unsigned i = 0; i < family.count; i++) {
		int status = 0;
		pid_t pid = family.pids[i];

		if (pid && waitpid(pid, &status, WNOHANG) == pid) {
			family.pids[i] = 0;
			if (status && pid != family.stalling)
				bench_fail("a process failed");
		}
		left += family.pids[i] != 0;
	}
	return left;
}

/* However the first process ends: nobody and nothing is left. */
static void clean_up(void)
{
	if (getpid() != family.self)
		return;
	for (unsigned i = 0; i < family.count; i++) {
		if (family.pids[i]) {
			kill(family.pids[i], SIGKILL);
			waitpid(family.pids[i], NULL, 0);
		}
	}
	if (bench_peer.stop)
		bench_peer.stop();
}

static void on_signal(int number)
{
	family.interrupted = 1;
}

static void rest(double seconds)
{
	const int64_t end = bench_now_ns() + (int64_t)(seconds * 1e9);

	for (int64_t left; (left = end - bench_now_ns()) > 0; alive())
		usleep((useconds_t)(left < SLICE_NS ? left / 1000 + 1 : SLICE_NS / 1000));
}

static void await(atomic_uint *count, unsigned wanted)
{
	const int64_t end = bench_now_ns() + OPEN_NS;

	while (atomic_load(count) < wanted) {
		alive();
		if (bench_now_ns() > end)
			bench_fail("a process did not open its side");
		usleep(200);
	}
}

/* Has everybody measured something in this phase? */
static bool is_measured(const struct bench_work *work, const struct shared *shared, enum phase phase)
{
	const volatile struct result *results = shared->results; /* others write it meanwhile */

	if (work->alone)
		return results[0].samples[MEASURE].count > 0;
	for (unsigned i = 0; i < work->senders + work->receivers; i++) {
		if (work->rate_hz ? results[i].samples[phase].count == 0
		                  : !results[i].begin_ns || results[i].count == 0)
			return false;
	}
	return true;
}

/* On a loaded machine longer than that: until there is something. */
static void measure(const struct bench_work *work, struct shared *shared, enum phase phase, double seconds)
{
	const int64_t end = bench_now_ns() + OPEN_NS;

	atomic_store(&shared->phase, (int)phase);
	for (rest(seconds); !is_measured(work, shared, phase); rest(0.001)) {
		if (bench_now_ns() > end)
			bench_fail("nothing was received");
	}
}

static void play(const struct bench_work *work, struct shared *shared, double seconds)
{
	await(&shared->senders_open, work->senders);
	if (!work->alone)
		await(&shared->receivers_open, work->receivers + work->stall);
	rest(seconds / 4);
	measure(work, shared, MEASURE, seconds);
	if (work->stall) {
		while (!atomic_load(&shared->stalled))
			rest(0.001);
		kill(family.stalling, SIGSTOP);
		measure(work, shared, STOPPED, seconds);
		kill(family.stalling, SIGKILL);
		measure(work, shared, KILLED, seconds);
	}
	atomic_store(&shared->phase, END);
	for (int64_t end = bench_now_ns() + OPEN_NS; alive() > 0; usleep(1000)) {
		if (bench_now_ns() > end)
			bench_fail("a process did not end");
	}
}

static void print_percentiles(const char *name, struct samples *samples, double ticks_per_ns)
{
	struct bench_percentiles p = bench_percentiles(samples->ticks, samples->count, ticks_per_ns);

	printf(", \"%s\": {\"count\": %zu, \"p50\": %.1f, \"p90\": %.1f, \"p99\": %.1f, \"p999\": %.1f, \"max\": %.1f}",
	       name, p.count, p.p50, p.p90, p.p99, p.p999, p.max);
}

/* All receivers' samples count alike. */
static struct samples *gather(const struct bench_work *work, struct shared *shared, int phase)
{
	struct samples *all = &shared->results[work->senders].samples[phase];

	for (unsigned i = 1; i < work->receivers; i++) {
		const struct samples *more = &shared->results[work->senders + i].samples[phase];

		for (size_t j = 0; j < more->count; j++)
			add(all, more->ticks[j]);
	}
	return all;
}

static void print_results(const struct bench_work *work, struct shared *shared)
{
	const double ticks = bench_ticks_per_ns();
	const struct result *first = &shared->results[work->senders];
	uint64_t lost = 0, torn = 0, count = 0;
	double cpu = 0;

	for (unsigned i = 0; i < work->senders + work->receivers; i++) {
		const struct result *r = &shared->results[i];

		cpu += r->end_ns ? (double)r->cpu_ns / (double)(r->end_ns - r->begin_ns) : 0;
		lost += r->lost;
		torn += r->torn;
		count += i >= work->senders ? r->count : 0;
	}
	printf("{\"peer\": \"%s\", \"work\": \"%s\", \"cpu\": %.4f, \"lost\": %llu, \"torn\": %llu, \"count\": %llu",
	       bench_peer.name, work->name, cpu, (unsigned long long)lost, (unsigned long long)torn,
	       (unsigned long long)count);
	if (work->alone) {
		print_percentiles("send", &shared->results[0].samples[MEASURE], ticks);
		print_percentiles("receive", &shared->results[0].more, ticks);
	} else if (work->rate_hz) {
		print_percentiles("latency", gather(work, shared, MEASURE), ticks);
		print_percentiles("send", &shared->results[0].samples[MEASURE], ticks);
	} else {
		printf(", \"rate\": %.1f", (double)first->count / ((double)(first->end_ns - first->begin_ns) / 1e9));
	}
	if (work->stall) {
		print_percentiles("latency_stopped", gather(work, shared, STOPPED), ticks);
		print_percentiles("send_stopped", &shared->results[0].samples[STOPPED], ticks);
		print_percentiles("latency_killed", gather(work, shared, KILLED), ticks);
		print_percentiles("send_killed", &shared->results[0].samples[KILLED], ticks);
	}
	puts("}");
}

static struct shared *prepare_shared(void)
{
	struct shared *shared =
	    mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (shared == MAP_FAILED)
		bench_fail("mmap: %s", strerror(errno));
	return shared;
}

int main(int argc, char **argv)
{
	const struct bench_work *work = argc == 3 ? bench_work_find(argv[1]) : NULL;
	const struct sigaction action = {.sa_handler = on_signal};

	if (argc == 2 && !strcmp(argv[1], "--works")) {
		bench_works_print();
		return 0;
	}
	if (!work) {
		fprintf(stderr, "usage: bench-%s WORK SECONDS | --works\n", bench_peer.name);
		return 2;
	}
	if (bench_peer.can && !bench_peer.can(work))
		return 3;
	struct shared *shared = prepare_shared();

	family.self = getpid();
	atexit(clean_up);
	sigaction(SIGINT, &action, NULL);
	sigaction(SIGTERM, &action, NULL);
	if (bench_peer.start)
		bench_peer.start(work);
	realtime(work, 2);
	for (unsigned i = 0; i < work->senders; i++)
		start((struct role){.work = work, .shared = shared, .sender = true, .number = i});
	for (unsigned i = 0; !work->alone && i < work->receivers + work->stall; i++)
		start((struct role){.work = work, .shared = shared, .number = i, .stalls = i == work->receivers});
	play(work, shared, atof(argv[2]));
	print_results(work, shared);
	return 0;
}
