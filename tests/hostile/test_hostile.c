/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Publishers and subscribers of a topic whose files somebody damages all the time: nobody crashes, every call returns
 * within a bound, and what it returns is an ordinary answer or -EBADMSG. ZOETROPE_SOAK=1 makes it 10 minutes.
 * ZOETROPE_SEED chooses other damage.
 */
/* limit: 900 s
 * alone */
#include "check.h"
#include "damage.h"
#include "open_once.h"
#include "zoetrope.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define TOPIC       "front"
#define PUBLISHERS  2
#define SUBSCRIBERS 4
#define PARTIES     (PUBLISHERS + SUBSCRIBERS + 1)
#define CODES_MAX   140
/* Longest that a call may take: joining and leaving wait for two locks, 2 s each. */
#define CALL_NS_MAX 20000000000

/* One process, as the parent sees it. */
struct party {
	_Atomic int64_t began_ns; /* of the call it is in; 0 = in none */
	_Atomic uint64_t call;    /* enum call */
	_Atomic uint64_t longest_ns;
	_Atomic uint64_t answers[CODES_MAX]; /* by -code; 0 is success */
};

enum call {
	OPEN,
	LOAN,
	PUBLISH,
	KEEP,
	DISCARD,
	BYTES,
	WISHES,
	TRIM,
	PREFAULT,
	TAKE_NEXT,
	TAKE_LATEST,
	FD,
	WISH,
	RELEASE,
	CLOSE,
	INFO,
	LOOK,
	CLEAN
};
static const char *const call_names[] = {
    "open",      "loan",        "publish", "publish_keep", "discard", "publish_bytes", "wishes", "trim",    "prefault",
    "take_next", "take_latest", "fd",      "wish",         "release", "close",         "info",   "parties", "clean"};

static struct common {
	_Atomic int stop;
	struct party parties[PARTIES];
} * common;
static struct party *me;
static struct damage chance;

/* ---- calls, watched ----------------------------------------------------------------------------------------- */

static const int ordinary[] = {0,      EAGAIN, ETIMEDOUT, EINTR,   EBADMSG,   ENOENT, EUSERS, ENOBUFS,   EMSGSIZE,
                               ENOSPC, EBUSY,  EEXIST,    ENOTDIR, EOVERFLOW, ESTALE, ENOMEM, EOPNOTSUPP};

static int ended(int status)
{
	int64_t took = zoe_now_ns() - atomic_load(&me->began_ns);
	int code = status < 0 ? -status : 0;

	if ((uint64_t)took > atomic_load(&me->longest_ns))
		atomic_store(&me->longest_ns, (uint64_t)took);
	atomic_store(&me->began_ns, 0);
	if (code < CODES_MAX)
		atomic_fetch_add(&me->answers[code], 1);
	for (size_t i = 0; i < sizeof(ordinary) / sizeof(ordinary[0]); i++) {
		if (ordinary[i] == code)
			return status;
	}
	check_failed(__FILE__, __LINE__, "%s gave %s: %s", call_names[atomic_load(&me->call)], strerrorname_np(code),
	             zoe_error());
}

static void begins(enum call call)
{
	atomic_store(&me->call, call);
	atomic_store(&me->began_ns, zoe_now_ns());
}

#define WATCHED(call, expression)      (begins(call), ended(expression))
#define WATCHED_VOID(call, expression) (begins(call), (expression), (void)ended(0))

static void become(unsigned party, uint64_t seed)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	me = &common->parties[party];
	chance.random = (seed + party) * 0x9e3779b97f4a7c15u | 1;
}

/* Wait a little, so that there are times without a new frame and without new damage. */
static void rest(void)
{
	nanosleep(&(struct timespec){.tv_nsec = (long)damage_pick(&chance, 300000)}, NULL);
}

/* ---- parties ------------------------------------------------------------------------------------------------ */

static void publish_one(struct zoe_publisher *pub)
{
	struct zoe_loan loan;
	size_t size = damage_pick(&chance, 9000);

	if (WATCHED(LOAN, zoe_loan(pub, size, &loan)) < 0)
		return;
	struct zoe_loan kept = loan;

	loan.timeout_ns = (int64_t)damage_pick(&chance, 2) * 2000000;
	memset(loan.data, 1, size);
	switch (damage_pick(&chance, 8)) {
	case 0:
		WATCHED_VOID(DISCARD, zoe_discard(pub, &loan));
		break;
	case 1:
		if (WATCHED(KEEP, zoe_publish_keep(pub, &loan, NULL)) == 0)
			WATCHED_VOID(KEEP, zoe_unkeep(pub, &kept));
		break;
	default:
		WATCHED(PUBLISH, zoe_publish(pub, &loan, NULL));
	}
	if (loan.data)
		WATCHED_VOID(DISCARD, zoe_discard(pub, &loan));
}

static int code_of(int64_t bytes)
{
	return bytes < 0 ? (int)bytes : 0;
}

/* What is done now and then. Messages outgrow the slots: the topic changes its shape. */
static void do_else(struct zoe_publisher *pub)
{
	static const uint8_t bytes[20000];
	struct zoe_wish wishes[SUBSCRIBERS];

	switch (damage_pick(&chance, 4)) {
	case 0:
		WATCHED(BYTES, zoe_publish_bytes(pub, bytes, damage_pick(&chance, sizeof(bytes)), NULL));
		break;
	case 1:
		WATCHED(WISHES, zoe_publisher_wishes(pub, wishes, SUBSCRIBERS));
		break;
	case 2:
		WATCHED(TRIM, code_of(zoe_publisher_trim(pub)));
		break;
	default:
		WATCHED(PREFAULT, code_of(zoe_publisher_prefault(pub)));
	}
}

/* Small slots at times: then descriptions lie in `frames`. */
static void run_publisher(struct zoe_domain *domain)
{
	struct zoe_topic_options options = {
	    .slot_bytes = damage_pick(&chance, 2) ? 10000 : 2000,
	    .keeps = 1,
	    .depth = 1 + (unsigned)damage_pick(&chance, 4),
	    .lossless = damage_pick(&chance, 2) == 0,
	    .quarantine_ns = (int64_t)damage_pick(&chance, 2) * 1000000,
	};
	struct zoe_publisher *pub;

	if (WATCHED(OPEN, zoe_publisher_open(domain, TOPIC, &options, &pub)) < 0) {
		rest();
		return;
	}
	for (uint64_t n = damage_pick(&chance, 3000); n && !atomic_load(&common->stop); n--) {
		publish_one(pub);
		if (n % 8 == 0)
			rest();
		if (n % 64 == 0)
			do_else(pub);
	}
	WATCHED_VOID(CLOSE, zoe_publisher_close(pub));
}

static void use(const struct zoe_frame *frame)
{
	const volatile uint8_t *data = frame->data;

	CHECK(frame->size <= 1 << 20);
	if (frame->size)
		(void)(data[0] + data[frame->size / 2] + data[frame->size - 1]);
	CHECK(zoe_image_check(&frame->image, frame->size) == 0);
}

static void take_one(struct zoe_subscriber *sub, int64_t timeout_ns, bool in_order)
{
	struct zoe_frame frame;
	int status = in_order || damage_pick(&chance, 2)
	                 ? WATCHED(TAKE_NEXT, zoe_take_next(sub, timeout_ns, &frame))
	                 : WATCHED(TAKE_LATEST, zoe_take_latest(sub, timeout_ns, &frame));

	if (status < 0)
		return;
	use(&frame);
	WATCHED_VOID(RELEASE, zoe_release(sub, &frame));
}

/* All ways of reading in turn. */
static void run_subscriber(struct zoe_domain *domain)
{
	static const char *const groups[] = {NULL, "a", "b"};
	struct zoe_subscriber_options options = {
	    .pins = 1 + (unsigned)damage_pick(&chance, 10),
	    .start = damage_pick(&chance, 2) ? ZOE_START_NEW : ZOE_START_OLDEST,
	    .group = groups[damage_pick(&chance, 3)],
	    .spin_ns = (int64_t)damage_pick(&chance, 2) * 10000,
	};
	struct zoe_subscriber *sub;

	options.mode = !options.group && damage_pick(&chance, 3) == 0 ? ZOE_LOSSLESS : ZOE_LOSSY;
	if (WATCHED(OPEN, zoe_subscriber_open(domain, TOPIC, &options, &sub)) < 0) {
		rest();
		return;
	}
	bool in_order = options.group || options.mode == ZOE_LOSSLESS;
	int fd = damage_pick(&chance, 2) ? WATCHED(FD, zoe_subscriber_fd(sub)) : -1;

	WATCHED(WISH, zoe_subscriber_wish(sub, &(struct zoe_wish){.width = 640}));
	for (uint64_t n = damage_pick(&chance, 1500); n && !atomic_load(&common->stop); n--) {
		if (fd >= 0)
			poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 2);
		take_one(sub, fd >= 0 ? 0 : (int64_t)damage_pick(&chance, 3000000), in_order);
	}
	WATCHED_VOID(CLOSE, zoe_subscriber_close(sub));
}

static int look_at(const struct zoe_party *party, void *user)
{
	(void)user;
	CHECK(party->pins <= 16 && strnlen(party->group, sizeof(party->group)) < sizeof(party->group));
	return 0;
}

/* Looks on from outside, and cleans. */
static void run_onlooker(struct zoe_domain *domain)
{
	struct zoe_topic_info info;

	WATCHED(INFO, zoe_topic_info(domain, TOPIC, &info));
	rest();
	WATCHED(LOOK, zoe_topic_parties(domain, TOPIC, look_at, NULL));
	rest();
	if (damage_pick(&chance, 50) == 0)
		WATCHED(CLEAN, zoe_domain_clean(domain));
}

static _Noreturn void run_party(unsigned party, uint64_t seed)
{
	struct zoe_domain *domain;

	become(party, seed);
	CHECK_OK(zoe_domain_open(NULL, &domain));
	while (!atomic_load(&common->stop)) {
		if (party < PUBLISHERS)
			run_publisher(domain);
		else if (party < PUBLISHERS + SUBSCRIBERS)
			run_subscriber(domain);
		else
			run_onlooker(domain);
	}
	zoe_domain_close(domain);
	exit(0);
}

/* ---- the one who damages ------------------------------------------------------------------------------------ */

/* Names too: a FIFO becomes a file or a link, a file goes. */
static void damage_name(struct damage *d)
{
	static const char *const names[] = {"wake/0",  "wake/1",  "wake/2",   "readers", "writers",
	                                    "1/index", "2/index", "1/frames", "2/frames"};
	const unsigned count = sizeof(names) / sizeof(names[0]);
	char path[4200], link[4200];

	snprintf(path, sizeof(path), "%s/" TOPIC "/%s", getenv("ZOETROPE_DOMAIN"), names[damage_pick(d, count)]);
	switch (damage_pick(d, 4)) {
	case 0:
		unlink(path);
		break;
	case 1:
		unlink(path);
		snprintf(link, sizeof(link), "%s/" TOPIC "/1/index", getenv("ZOETROPE_DOMAIN"));
		if (symlink(link, path) < 0)
			return;
		break;
	case 2:
		unlink(path);
		close(open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
		break;
	default:
		unlink(path);
		mkfifo(path, 0600);
	}
}

/* Phases: a little damage now and then, a storm, none at all for a while. */
static _Noreturn void run_damager(uint64_t seed)
{
	struct damage d = {.random = seed};
	uint64_t done = 0;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	chance.random = seed + 1;
	while (!atomic_load(&common->stop)) {
		unsigned phase = (unsigned)damage_pick(&d, 4);
		uint64_t count = phase == 0 ? 20000 : damage_pick(&d, 100);

		damage_find(&d, getenv("ZOETROPE_DOMAIN"));
		for (uint64_t i = 0; i < count && !atomic_load(&common->stop); i++) {
			damage_once(&d);
			done++;
			if (phase)
				rest();
		}
		if (damage_pick(&d, 20) == 0)
			damage_name(&d);
	}
	damage_forget(&d);
	printf("measured: %llu places damaged\n", (unsigned long long)done);
	exit(0);
}

/* ---- the parent --------------------------------------------------------------------------------------------- */

static void check_calls(void)
{
	int64_t now = zoe_now_ns();

	for (unsigned p = 0; p < PARTIES; p++) {
		int64_t began = atomic_load(&common->parties[p].began_ns);

		if (began && now - began > CALL_NS_MAX)
			check_failed(__FILE__, __LINE__, "party %u is in %s for %lld ms", p,
			             call_names[atomic_load(&common->parties[p].call)],
			             (long long)((now - began) / 1000000));
	}
}

static void reap(pid_t pids[], unsigned *left)
{
	int status;
	pid_t pid = waitpid(-1, &status, WNOHANG);

	if (pid <= 0)
		return;
	for (unsigned i = 0; i <= PARTIES; i++) {
		if (pids[i] == pid && status != 0)
			check_failed(__FILE__, __LINE__, "party %u ended with status %#x", i, (unsigned)status);
	}
	if (!atomic_load(&common->stop))
		check_failed(__FILE__, __LINE__, "a party ended before its time");
	--*left;
}

static void print_answers(void)
{
	uint64_t sums[CODES_MAX] = {0}, longest = 0;

	for (unsigned p = 0; p < PARTIES; p++) {
		for (unsigned code = 0; code < CODES_MAX; code++)
			sums[code] += atomic_load(&common->parties[p].answers[code]);
		if (atomic_load(&common->parties[p].longest_ns) > longest)
			longest = atomic_load(&common->parties[p].longest_ns);
	}
	printf("measured: answers: %llu good", (unsigned long long)sums[0]);
	for (int code = 1; code < CODES_MAX; code++) {
		if (sums[code])
			printf(", %llu %s", (unsigned long long)sums[code], strerrorname_np(code));
	}
	printf("; longest call %.0f ms\n", (double)longest / 1e6);
	fflush(stdout);
	CHECK(sums[0] > 1000 && sums[EBADMSG] > 10); /* it worked, and damage was noticed */
}

/* When all are gone, cleaning helps, and a new topic is whole. */
static void check_recovery(void)
{
	struct zoe_domain *domain;
	struct zoe_publisher *pub;
	struct zoe_subscriber *sub;
	struct zoe_frame frame;
	struct zoe_loan loan;

	CHECK_OK(zoe_domain_open(NULL, &domain));
	CHECK_OK(zoe_domain_clean(domain));
	CHECK_OK(zoe_publisher_open(domain, TOPIC, NULL, &pub));
	CHECK_OK(zoe_subscriber_open(domain, TOPIC, NULL, &sub));
	CHECK_OK(zoe_loan(pub, 10, &loan));
	CHECK_OK(zoe_publish(pub, &loan, NULL));
	CHECK_OK(zoe_take_next(sub, 0, &frame));
	CHECK_EQ(frame.seq, 0);
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

static uint64_t seed_of_run(void)
{
	const char *given = getenv("ZOETROPE_SEED");
	uint64_t seed = given ? strtoull(given, NULL, 0) : 1;

	printf("measured: ZOETROPE_SEED=%llu\n", (unsigned long long)seed);
	return seed * 0x9e3779b97f4a7c15u | 1;
}

TEST(damage_while_all_run)
{
	int64_t seconds = getenv("ZOETROPE_SOAK") ? 600 : 20;
	int64_t end_ns = zoe_now_ns() + seconds * 1000000000;
	uint64_t seed = seed_of_run();
	pid_t pids[PARTIES + 1];
	unsigned left = PARTIES + 1;

	common = mmap(NULL, sizeof(*common), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	CHECK(common != MAP_FAILED);
	fflush(stdout);
	for (unsigned p = 0; p <= PARTIES; p++) {
		pids[p] = fork();
		if (pids[p] == 0 && p < PARTIES)
			run_party(p, seed);
		if (pids[p] == 0)
			run_damager(seed);
	}
	while (left) {
		nanosleep(&(struct timespec){.tv_nsec = 20000000}, NULL);
		if (zoe_now_ns() > end_ns)
			atomic_store(&common->stop, 1);
		check_calls();
		reap(pids, &left);
	}
	print_answers();
	munmap(common, sizeof(*common));
	check_recovery();
}

/* ---- what openers read -------------------------------------------------------------------------------------- */

static void damage_before_opening(int small)
{
	int64_t end_ns = zoe_now_ns() + (getenv("ZOETROPE_SOAK") ? 120 : 5) * 1000000000ll;
	struct damage d = {.random = seed_of_run()};
	uint64_t rounds = 0, good = 0;
	int64_t longest = 0;

	CHECK_EQ(open_once_begin(small), 0);
	for (; zoe_now_ns() < end_ns; rounds++) {
		uint8_t edits[4 * 12];
		int64_t began = zoe_now_ns();

		for (size_t i = 0; i < sizeof(edits); i++)
			edits[i] = (uint8_t)damage_random(&d);
		for (size_t i = 0; i < sizeof(edits); i += 12) {
			if (damage_pick(&d, 3) == 0)
				memset(edits + i + 4 + damage_pick(&d, 3), damage_pick(&d, 2) ? 0 : 255, 6);
		}
		good += open_once(edits, 12 * (1 + damage_pick(&d, 4)));
		longest = zoe_now_ns() - began > longest ? zoe_now_ns() - began : longest;
	}
	open_once_end();
	printf("measured: %llu rounds, %.1f %% of the opens succeeded, longest round %.1f ms\n",
	       (unsigned long long)rounds, 100.0 * (double)good / (double)(3 * rounds), (double)longest / 1e6);
	CHECK(rounds > 100 && good > 0 && good < 3 * rounds);
	CHECK(longest < CALL_NS_MAX);
}

TEST(damage_before_opening_large_slots)
{
	damage_before_opening(0);
}

TEST(damage_before_opening_small_slots)
{
	damage_before_opening(1);
}
