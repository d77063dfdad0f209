/* SPDX-License-Identifier: Apache-2.0 */
/* The parties that live through a kill, and those that come after it. Each letter they get is a part of the play. */
#include "party.h"
#include "libc.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* In nanoseconds. Nothing here waits for time to pass, so this is only met by a hang. */
static int64_t patience(void)
{
	return stage->patience_ms * 1000000ll;
}

/* ---- from outside ------------------------------------------------------------------------------------------- */

void party_start(struct party *party, const char *name, party_function *run)
{
	int link[2];

	party->name = name;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, link) < 0) {
		stage_fail("no socket pair: %s", strerror(errno));
		return;
	}
	party->pid = fork();
	if (party->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		close(link[0]);
		run(link[1]);
		_exit(0);
	}
	close(link[1]);
	party->link = link[0];
}

bool party_tell(struct party *party, char letter)
{
	if (party->pid > 0 && send(party->link, &letter, 1, MSG_NOSIGNAL) == 1)
		return true;
	stage_fail("the %s is gone", party->name);
	return false;
}

bool party_hear(struct party *party, char letter)
{
	struct pollfd p = {.fd = party->link, .events = POLLIN};
	char got = 0;
	int ready;

	if (party->pid <= 0)
		return false;
	do {
		ready = poll(&p, 1, (int)stage->patience_ms);
	} while (ready < 0 && errno == EINTR && !atomic_load(&stage->failed));
	if (ready == 0)
		stage_fail("the %s did not answer '%c' in %u ms", party->name, letter, stage->patience_ms);
	else if (recv(party->link, &got, 1, MSG_DONTWAIT) != 1 || got != letter)
		stage_fail("the %s ended or said '%c' where '%c' was wanted", party->name, got ? got : '-', letter);
	return got == letter;
}

bool party_sleeps(const struct party *party)
{
	const struct timespec pause = {.tv_nsec = 20000};
	char path[64], text[32], wanted[16];
	int64_t end = zoe_now_ns() + patience();
	int length = snprintf(wanted, sizeof(wanted), "%d ", SYS_futex);

	snprintf(path, sizeof(path), "/proc/%d/syscall", party->pid);
	while (zoe_now_ns() < end) {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		ssize_t got = fd < 0 ? -1 : read(fd, text, sizeof(text));

		if (fd >= 0)
			close(fd);
		if (got > length && !memcmp(text, wanted, (size_t)length))
			return true;
		nanosleep(&pause, NULL);
	}
	stage_fail("the %s does not go to sleep", party->name);
	return false;
}

bool party_end(struct party *party)
{
	int status = -1;

	if (party->pid <= 0)
		return false;
	while (waitpid(party->pid, &status, 0) < 0) {
		if (errno != EINTR || atomic_load(&stage->failed))
			return false; /* it is swept away */
	}
	close(party->link);
	party->pid = 0;
	if (status != 0)
		stage_fail("the %s ended with status %#x", party->name, status);
	return status == 0;
}

void party_kill(struct party *party)
{
	if (party->pid <= 0)
		return;
	kill(party->pid, SIGKILL);
	while (waitpid(party->pid, NULL, 0) < 0 && errno == EINTR)
		;
	close(party->link);
	party->pid = 0;
}

/* ---- what parties do ---------------------------------------------------------------------------------------- */

static void say(int link, char letter)
{
	if (send(link, &letter, 1, MSG_NOSIGNAL) != 1)
		_exit(1);
}

static char listen_for(int link)
{
	char letter = 0;

	while (recv(link, &letter, 1, 0) < 0 && errno == EINTR)
		;
	return letter;
}

struct zoe_domain *open_domain(const char *who)
{
	struct zoe_domain *domain;

	if (zoe_domain_open(stage->domain, &domain) < 0)
		party_fail("%s: no domain: %s", who, zoe_error());
	return domain;
}

void publish_frame(struct zoe_publisher *pub, enum who who, uint32_t count, uint32_t flags, const char *name)
{
	struct zoe_loan loan;
	uint64_t seq;

	if (zoe_loan(pub, stage->options.slot_bytes, &loan) < 0)
		party_fail("%s: no loan: %s", name, zoe_error());
	loan_fill(&loan, frame_identity(who, count));
	loan.flags = flags;
	loan.timeout_ns = patience() / 2; /* for a lossless subscriber that is alive */
	if (zoe_publish(pub, &loan, &seq) < 0)
		party_fail("%s: not published: %s", name, zoe_error());
	published(seq, frame_identity(who, count), name);
}

/* Follows a topic with zoe_take_next and knows which number comes next. */
struct follower {
	const char *name;
	struct zoe_subscriber *sub;
	uint64_t next;
	bool any;
};

/* Take and check the next one. Returns its flags, or -EAGAIN or -ETIMEDOUT. */
static int follow(struct follower *f, int64_t timeout_ns)
{
	struct zoe_frame frame;
	int status = zoe_take_next(f->sub, timeout_ns, &frame);

	if (status == -EAGAIN || status == -ETIMEDOUT)
		return status;
	if (status < 0)
		party_fail("%s: no take: %s", f->name, zoe_error());
	if (f->any && frame.seq != f->next + frame.lost)
		party_fail("%s: frame %" PRIu64 " with %" PRIu64 " lost where %" PRIu64 " is next", f->name, frame.seq,
		           frame.lost, f->next);
	frame_check(&frame, f->name);
	f->next = frame.seq + 1;
	f->any = true;
	status = (int)frame.flags;
	zoe_release(f->sub, &frame);
	return status;
}

static struct zoe_subscriber *join(struct zoe_domain *domain, unsigned pins, const char *who)
{
	struct zoe_subscriber *sub;

	if (zoe_subscriber_open(domain, TOPIC, &(struct zoe_subscriber_options){.pins = pins}, &sub) < 0)
		party_fail("%s: cannot subscribe: %s", who, zoe_error());
	return sub;
}

/* Several small slots are claimed at once; those not yet loaned go back, so that numbers are exact. */
static void drop_batch(struct zoe_publisher *pub, const char *who)
{
	if (zoe_publisher_trim(pub) < 0)
		party_fail("%s: cannot trim: %s", who, zoe_error());
}

static struct zoe_topic_info look(struct zoe_domain *domain, const char *who)
{
	struct zoe_topic_info info;

	if (zoe_topic_info(domain, TOPIC, &info) < 0)
		party_fail("%s: cannot look at the topic: %s", who, zoe_error());
	return info;
}

/* ---- neighbour ---------------------------------------------------------------------------------------------- */

struct neighbour {
	struct zoe_publisher *pub;
	struct zoe_subscriber *holder;
	struct follower poller;
	int fd;
	uint32_t count;
	struct zoe_frame held;
	struct zoe_loan loan;
	uint64_t loan_identity;
	unsigned slots; /* of the topic */
};

static void drain(struct neighbour *n)
{
	while (follow(&n->poller, 0) >= 0)
		;
}

static void publish_next(struct neighbour *n, uint32_t flags)
{
	publish_frame(n->pub, NEIGHBOUR, ++n->count, flags, "neighbour");
}

/* The descriptor became readable, and there is something. */
static void poll_and_drain(struct neighbour *n)
{
	struct pollfd p = {.fd = n->fd, .events = POLLIN};

	if (poll(&p, 1, (int)stage->patience_ms / 2) != 1)
		party_fail("neighbour: the descriptor did not become readable");
	if (follow(&n->poller, 0) < 0)
		party_fail("neighbour: the descriptor is readable but there is no frame");
	drain(n);
}

static void check_hands(const struct neighbour *n)
{
	frame_check(&n->held, "neighbour's frame in hand");
	if (!loan_intact(&n->loan, n->loan_identity))
		party_fail("neighbour: somebody wrote into the slot that it has on loan");
}

static void neighbour_open(struct neighbour *n)
{
	struct zoe_domain *domain = open_domain("neighbour");

	if (zoe_publisher_open(domain, TOPIC, &stage->options, &n->pub) < 0)
		party_fail("neighbour: cannot publish: %s", zoe_error());
	n->holder = join(domain, 1, "neighbour");
	n->poller = (struct follower){.name = "neighbour's poller", .sub = join(domain, 1, "neighbour")};
	n->fd = zoe_subscriber_fd(n->poller.sub);
	if (n->fd < 0)
		party_fail("neighbour: no descriptor: %s", zoe_error());
	publish_next(n, 0);
	if (zoe_take_next(n->holder, 0, &n->held) < 0)
		party_fail("neighbour: no frame to hold: %s", zoe_error());
	drain(n);
	if (zoe_loan(n->pub, stage->options.slot_bytes, &n->loan) < 0)
		party_fail("neighbour: no loan to hold: %s", zoe_error());
	drop_batch(n->pub, "neighbour");
	n->slots = look(domain, "neighbour").slots;
	n->loan_identity = frame_identity(NEIGHBOUR, 1000000);
	loan_fill(&n->loan, n->loan_identity);
}

/* More frames than there are slots, so that each slot comes by. */
static void publish_round(struct neighbour *n)
{
	for (unsigned i = 0; i < n->slots; i++)
		publish_next(n, 0);
}

static void publish_loan(struct neighbour *n)
{
	uint64_t seq;

	zoe_release(n->holder, &n->held);
	n->loan.flags = FLAG_LAST;
	n->loan.timeout_ns = patience() / 2;
	if (zoe_publish(n->pub, &n->loan, &seq) < 0)
		party_fail("neighbour: its loan cannot be published: %s", zoe_error());
	published(seq, n->loan_identity, "neighbour");
}

/* What somebody who died published and told nobody of: whoever repaired has made the descriptor readable. */
static void poll_after_repair(struct neighbour *n)
{
	if (atomic_load(&stage->repaired_next) > n->poller.next)
		poll_and_drain(n);
}

static void publish_and_poll(struct neighbour *n, char letter)
{
	drain(n);
	if (letter == 'g')
		publish_next(n, 0);
	if (letter == 'G')
		publish_round(n);
	if (letter != 'e') {
		poll_and_drain(n);
		publish_next(n, FLAG_MARK);
	}
	check_hands(n);
	if (letter == 'e')
		publish_loan(n);
	poll_and_drain(n);
	drop_batch(n->pub, "neighbour");
}

/*
 * g: publish two and see that both arrive; G: so many that each slot comes by; e: the frames in hand; p: publish nothing,
 * poll what a repair brought; q: leave.
 */
void neighbour_run(int link)
{
	struct neighbour n = {.count = 0};

	neighbour_open(&n);
	say(link, 'r');
	for (char letter = listen_for(link); letter != 'q'; letter = listen_for(link)) {
		if (letter == 'p')
			poll_after_repair(&n);
		else
			publish_and_poll(&n, letter);
		say(link, letter);
	}
	zoe_subscriber_close(n.holder);
	zoe_subscriber_close(n.poller.sub);
	zoe_publisher_close(n.pub);
}

/* ---- waiter ------------------------------------------------------------------------------------------------- */

/* Whoever publishes wakes it, at any time: it does not look by itself, and waits as long as it takes. */
void waiter_run(int link)
{
	struct zoe_domain *domain = open_domain("waiter");
	struct follower f = {.name = "waiter", .sub = join(domain, 1, "waiter")};

	libc_wishes.until_woken = true;
	atomic_store(&stage->waiter_next, look(domain, "waiter").next_seq);
	say(link, 'r');
	for (;;) {
		int flags = follow(&f, ZOE_FOREVER);

		if (flags < 0)
			party_fail("waiter: came back without a frame");
		atomic_store(&stage->waiter_next, f.next);
		if (flags & (FLAG_MARK | FLAG_LAST))
			say(link, 'm');
		if (flags & FLAG_LAST)
			break;
	}
	listen_for(link);
	zoe_subscriber_close(f.sub);
}

/* ---- fresh: comes after the kill ---------------------------------------------------------------------------- */

/*
 * loaned and pinned: what the living have in hand in generation 1. In a later one they have nothing. kept: frames in
 * the ring, of which a new generation has none from before its first number.
 */
static void check_info(const struct zoe_topic_info *i, unsigned loaned, unsigned pinned, bool full)
{
	unsigned in_hand = i->generation == 1 ? loaned : 0, read = i->generation == 1 ? pinned : 0;
	unsigned quarantined = atomic_load(&stage->quarantined);
	unsigned most = i->next_seq < i->depth + 1 ? (unsigned)i->next_seq : i->depth + 1;

	if (i->slots_loaned != in_hand || i->slots_pinned != read || i->dead != 0 ||
	    i->slots_free != i->slots - i->slots_kept - in_hand - i->slots_quarantined)
		party_fail("fresh: %u slots: %u loaned (not %u), %u pinned (not %u), %u kept, %u free, %u dead records",
		           i->slots, i->slots_loaned, in_hand, i->slots_pinned, read, i->slots_kept, i->slots_free,
		           i->dead);
	if (i->slots_quarantined < quarantined)
		party_fail("fresh: %u slots are quarantined, but somebody died with %u on loan", i->slots_quarantined,
		           quarantined);
	if (i->slots_kept > most || (i->slots_kept < most && (full || i->generation == 1)))
		party_fail("fresh: %u slots kept, not %u", i->slots_kept, most);
	if (i->publishers != 2 || i->subscribers != 4)
		party_fail("fresh: %u publishers (not 2), %u subscribers (not 4)", i->publishers, i->subscribers);
}

static void check_latest(struct zoe_subscriber *sub, uint64_t next)
{
	struct zoe_frame frame;

	if (zoe_take_latest(sub, 0, &frame) < 0)
		party_fail("fresh: there is no newest frame: %s", zoe_error());
	if (frame.seq != next - 1)
		party_fail("fresh: the newest frame is %" PRIu64 ", the next number %" PRIu64, frame.seq, next);
	frame_check(&frame, "fresh");
	zoe_release(sub, &frame);
}

/* So many that each slot comes by; each must have the number after the one before. */
static void check_use(struct zoe_publisher *pub, struct zoe_subscriber *sub, const struct zoe_topic_info *info)
{
	struct follower f = {.name = "fresh", .sub = sub, .next = info->next_seq, .any = true};

	for (uint32_t i = 0; i < info->slots + 2; i++) {
		publish_frame(pub, FRESH, i + 1, i == info->slots + 1 ? FLAG_MARK : 0, "fresh");
		if (follow(&f, 0) < 0 || f.next != info->next_seq + i + 1)
			party_fail("fresh: frame %" PRIu64 " is not there", info->next_seq + i);
	}
}

static void check_loans(struct zoe_publisher *pub)
{
	struct zoe_loan loans[32];

	for (unsigned i = 0; i < stage->options.loans; i++) {
		if (zoe_loan(pub, stage->options.slot_bytes, &loans[i]) < 0)
			party_fail("fresh: loan %u of %u: %s", i, stage->options.loans, zoe_error());
	}
	for (unsigned i = 0; i < stage->options.loans; i++)
		zoe_discard(pub, &loans[i]);
}

/* i: look again when all hands are empty; q: leave as the last one. */
void fresh_run(int link)
{
	struct zoe_domain *domain = open_domain("fresh");
	struct zoe_publisher *pub;
	struct zoe_subscriber *sub;
	struct zoe_topic_info info;

	if (zoe_publisher_open(domain, TOPIC, &stage->options, &pub) < 0)
		party_fail("fresh: cannot publish: %s", zoe_error());
	sub = join(domain, 2, "fresh");
	info = look(domain, "fresh");
	check_info(&info, 1, 1, false);
	check_latest(sub, info.next_seq);
	check_loans(pub);
	check_use(pub, sub, &info);
	drop_batch(pub, "fresh");
	say(link, 'r');
	if (listen_for(link) != 'i')
		_exit(1);
	info = look(domain, "fresh");
	check_info(&info, 0, 0, true);
	atomic_store(&stage->next, info.next_seq);
	say(link, 'i');
	listen_for(link);
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	if (zoe_domain_clean(domain) < 0)
		party_fail("fresh: cannot clean: %s", zoe_error());
	zoe_domain_close(domain);
}

/* ---- joins beside a stopped victim -------------------------------------------------------------------------- */

void joining_publisher_run(int link)
{
	struct zoe_domain *domain = open_domain("joining publisher");
	struct zoe_publisher *pub;
	static uint32_t count = 1;

	if (zoe_publisher_open(domain, TOPIC, &stage->options, &pub) < 0)
		party_fail("joining publisher: %s", zoe_error());
	publish_frame(pub, JOINER, count, 0, "joining publisher");
	zoe_publisher_close(pub);
	say(link, 'r');
}

void joining_subscriber_run(int link)
{
	struct zoe_domain *domain = open_domain("joining subscriber");
	struct zoe_subscriber *sub = join(domain, 2, "joining subscriber");
	struct zoe_frame frame;

	if (zoe_take_latest(sub, 0, &frame) < 0)
		party_fail("joining subscriber: no frame: %s", zoe_error());
	frame_check(&frame, "joining subscriber");
	zoe_subscriber_close(sub);
	say(link, 'r');
}

void joining_member_run(int link)
{
	struct zoe_domain *domain = open_domain("joining member");
	const struct zoe_subscriber_options options = {.pins = 2, .group = "members"};
	struct follower f = {.name = "joining member"};

	if (zoe_subscriber_open(domain, TOPIC, &options, &f.sub) < 0)
		party_fail("joining member: %s", zoe_error());
	follow(&f, 0);
	zoe_subscriber_close(f.sub);
	say(link, 'r');
}

/* Makes the topic grow, and publishes so much that the generation before is given up. */
void growing_publisher_run(int link)
{
	struct zoe_domain *domain = open_domain("growing publisher");
	struct zoe_topic_options options = stage->options;
	struct zoe_topic_info info = look(domain, "growing publisher");
	struct zoe_publisher *pub;

	options.slot_bytes = info.slot_bytes + 64;
	if (zoe_publisher_open(domain, TOPIC, &options, &pub) < 0)
		party_fail("growing publisher: %s", zoe_error());
	for (uint32_t i = 0; i < options.depth; i++)
		publish_frame(pub, JOINER, 1 + i + (info.generation << 8), 0, "growing publisher");
	zoe_publisher_close(pub);
	say(link, 'r');
}

/* Clears the records of the dead and does nothing else. */
void repairer_run(int link)
{
	struct zoe_domain *domain = open_domain("repairer");

	if (zoe_domain_clean(domain) < 0)
		party_fail("repairer: cannot clean: %s", zoe_error());
	atomic_store(&stage->repaired_next, look(domain, "repairer").next_seq);
	say(link, 'r');
}
