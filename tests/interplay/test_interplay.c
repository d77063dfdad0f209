/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unlike parties on one domain: users of a group, one that may only read, PID namespaces, several copies of the library
 * in one process, a process that closes all its descriptors. Needs root, to be several users.
 */
#include "check.h"
#include "zoetrope.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPIC "front"
/* Numbers that nobody has. */
#define ALICE 54301
#define BOB   54302
#define EVE   54303
#define GROUP 54310

/* ---- other processes ---------------------------------------------------------------------------------------- */

/* A process that does one step after the other, when told. */
struct other {
	pid_t pid;
	int wire;
};

/* In the other one: say that a step is done, wait for the word to go on. */
static void step_done(int wire)
{
	char byte = 0;

	if (write(wire, &byte, 1) != 1 || read(wire, &byte, 1) != 1)
		_exit(3);
}

/* Start what(wire) and wait for its first step. */
static struct other start(void (*what)(int wire))
{
	struct other other;
	int wires[2];
	char byte;

	CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, wires), 0);
	other.pid = fork();
	if (other.pid == 0) {
		close(wires[0]);
		what(wires[1]);
		_exit(0);
	}
	close(wires[1]);
	other.wire = wires[0];
	if (read(other.wire, &byte, 1) != 1)
		check_failed(__FILE__, __LINE__, "the other process failed before its first step");
	return other;
}

static void go_on(const struct other *other, bool last)
{
	char byte = 0;

	CHECK_EQ(write(other->wire, &byte, 1), 1);
	if (!last && read(other->wire, &byte, 1) != 1)
		check_failed(__FILE__, __LINE__, "the other process failed in this step");
}

static void finish(struct other *other)
{
	int status;

	go_on(other, true);
	CHECK_EQ(waitpid(other->pid, &status, 0), other->pid);
	CHECK_EQ(status, 0);
	close(other->wire);
}

static void kill_other(struct other *other)
{
	CHECK_EQ(kill(other->pid, SIGKILL), 0);
	CHECK_EQ(waitpid(other->pid, NULL, 0), other->pid);
	close(other->wire);
}

/* ---- helpers ------------------------------------------------------------------------------------------------ */

static struct zoe_domain *open_domain(void)
{
	struct zoe_domain *domain;

	CHECK_OK(zoe_domain_open(NULL, &domain));
	return domain;
}

static struct zoe_topic_info info(struct zoe_domain *domain)
{
	struct zoe_topic_info out;

	CHECK_OK(zoe_topic_info(domain, TOPIC, &out));
	return out;
}

static void put(struct zoe_publisher *pub, uint64_t seq)
{
	uint64_t given;

	CHECK_OK(zoe_publish_bytes(pub, &seq, sizeof(seq), &given));
	CHECK_EQ(given, seq);
}

static void get(struct zoe_subscriber *sub, uint64_t seq)
{
	struct zoe_frame frame;

	CHECK_OK(zoe_take_next(sub, 0, &frame));
	CHECK_EQ(frame.seq, seq);
	CHECK_EQ(*(const uint64_t *)frame.data, seq);
	zoe_release(sub, &frame);
}

static char *in_domain(const char *file)
{
	static char path[4200];

	snprintf(path, sizeof(path), "%s/%s", getenv("ZOETROPE_DOMAIN"), file);
	return path;
}

/* ---- users -------------------------------------------------------------------------------------------------- */

static void need_root(void)
{
	if (geteuid() != 0)
		check_failed(__FILE__, __LINE__, "this test is several users in turn: run it as root");
}

/* A domain of a group, which root sets up. */
static void group_domain(void)
{
	need_root();
	CHECK_EQ(chown(getenv("ZOETROPE_DOMAIN"), ALICE, GROUP), 0);
	CHECK_EQ(chmod(getenv("ZOETROPE_DOMAIN"), 02770), 0);
}

static void become(uid_t user, bool member)
{
	gid_t group = GROUP;

	CHECK_EQ(setgroups(member, &group), 0);
	CHECK_EQ(setresgid(user, user, user), 0);
	CHECK_EQ(setresuid(user, user, user), 0);
	umask(077);
}

static void alice_publishes(int wire)
{
	struct zoe_publisher *pub;

	become(ALICE, true);
	struct zoe_domain *domain = open_domain();

	CHECK_OK(zoe_publisher_open(domain, TOPIC, NULL, &pub));
	step_done(wire);
	put(pub, 0);
	step_done(wire);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

static void bob_takes_part(int wire)
{
	struct zoe_subscriber *sub;
	struct zoe_publisher *pub;

	become(BOB, true);
	struct zoe_domain *domain = open_domain();

	CHECK_OK(zoe_subscriber_open(domain, TOPIC, NULL, &sub));
	CHECK(zoe_subscriber_fd(sub) >= 0);
	step_done(wire);
	get(sub, 0);
	CHECK_OK(zoe_publisher_open(domain, TOPIC, NULL, &pub));
	put(pub, 1);
	get(sub, 1);
	zoe_publisher_close(pub);
	step_done(wire);
	zoe_subscriber_close(sub);
	zoe_domain_close(domain);
}

static void eve_is_kept_out(int wire)
{
	struct zoe_domain *domain;

	become(EVE, false);
	CHECK_EQ(zoe_domain_open(NULL, &domain), -EACCES);
	CHECK_HAS(zoe_error(), "Permission denied");
	step_done(wire);
}

TEST(two_users_of_a_group)
{
	struct stat st;

	group_domain();
	struct other alice = start(alice_publishes), bob = start(bob_takes_part), eve = start(eve_is_kept_out);

	for (unsigned i = 0; i < 3; i++) {
		static const char *const files[] = {TOPIC "/1/index", TOPIC "/readers", TOPIC "/wake/0"};

		CHECK_EQ(stat(in_domain(files[i]), &st), 0);
		CHECK_EQ(st.st_mode & 0777, 0660);
		CHECK_EQ(st.st_gid, GROUP);
	}
	go_on(&alice, false);
	go_on(&bob, false);
	finish(&alice);
	finish(&bob); /* the last one out removes the topic, though another user made it */
	finish(&eve);
	CHECK(access(in_domain(TOPIC), F_OK) < 0);
}

static void alice_leaves_a_corpse(int wire)
{
	struct zoe_publisher *pub;
	struct zoe_loan loan;

	become(ALICE, true);
	CHECK_OK(zoe_publisher_open(open_domain(), TOPIC, NULL, &pub));
	put(pub, 0);
	CHECK_OK(zoe_loan(pub, 1, &loan));
	step_done(wire);
	step_done(wire);
}

static void bob_repairs(int wire)
{
	struct zoe_publisher *pub;

	become(BOB, true);
	struct zoe_domain *domain = open_domain();

	CHECK_OK(zoe_publisher_open(domain, TOPIC, NULL, &pub));
	step_done(wire);
	CHECK_EQ(info(domain).dead, 1);
	CHECK_EQ(zoe_domain_clean(domain), 0);
	CHECK_EQ(info(domain).dead, 0);
	CHECK_EQ(info(domain).slots_loaned, 0);
	put(pub, 1);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(one_user_repairs_what_another_left)
{
	group_domain();
	struct other alice = start(alice_leaves_a_corpse), bob = start(bob_repairs);

	kill_other(&alice);
	finish(&bob);
	CHECK(access(in_domain(TOPIC), F_OK) < 0);
}

/* Bob may write where subscribers write, and nowhere else. */
static void bob_reads_only(int wire)
{
	struct zoe_subscriber *sub;
	struct zoe_publisher *pub;

	become(BOB, true);
	struct zoe_domain *domain = open_domain();

	CHECK_EQ(zoe_publisher_open(domain, TOPIC, NULL, &pub), -EACCES);
	CHECK_HAS(zoe_error(), "Permission denied");
	CHECK_OK(zoe_subscriber_open(domain, TOPIC, NULL, &sub));
	step_done(wire);
	get(sub, 0);
	zoe_subscriber_close(sub);
	CHECK_EQ(chmod(in_domain(TOPIC "/readers"), 0660), -1);
	step_done(wire);
	CHECK_EQ(zoe_subscriber_open(domain, TOPIC, NULL, &sub), -EACCES);
	CHECK_HAS(zoe_error(), "readers");
	zoe_domain_close(domain);
}

TEST(a_user_who_may_only_read)
{
	static const char *const files[] = {TOPIC "/1/index", TOPIC "/1/frames", TOPIC "/writers"};

	group_domain();
	struct other alice = start(alice_publishes);

	for (unsigned i = 0; i < 3; i++)
		CHECK_EQ(chmod(in_domain(files[i]), 0640), 0);
	CHECK_EQ(chmod(in_domain(TOPIC), 02750), 0);
	struct other bob = start(bob_reads_only);

	go_on(&alice, false);
	go_on(&bob, false);
	CHECK_EQ(chmod(in_domain(TOPIC "/readers"), 0640), 0);
	finish(&bob);
	finish(&alice);
	CHECK(access(in_domain(TOPIC), F_OK) < 0);
}

/* ---- PID namespaces ----------------------------------------------------------------------------------------- */

/* Go on as process 1 of a new PID namespace. The process in between waits, and dies with it. */
static void enter_namespace(void)
{
	int status;

	CHECK_EQ(unshare(geteuid() == 0 ? CLONE_NEWPID : CLONE_NEWPID | CLONE_NEWUSER), 0);
	pid_t pid = fork();

	CHECK(pid >= 0);
	if (pid) {
		CHECK_EQ(waitpid(pid, &status, 0), pid);
		_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 4);
	}
	CHECK_EQ(getpid(), 1);
}

static void publish_as_process_1(int wire)
{
	struct zoe_publisher *pub;
	struct zoe_loan loan;

	enter_namespace();
	struct zoe_domain *domain = open_domain();

	CHECK_OK(zoe_publisher_open(domain, TOPIC, NULL, &pub));
	CHECK_OK(zoe_loan(pub, 8, &loan));
	step_done(wire);
	zoe_discard(pub, &loan);
	put(pub, 0);
	step_done(wire);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

static void die_as_process_1(int wire)
{
	struct zoe_subscriber *sub;
	struct zoe_publisher *pub;
	struct zoe_loan loan;
	struct zoe_frame frame;

	enter_namespace();
	struct zoe_domain *domain = open_domain();

	CHECK_OK(zoe_publisher_open(domain, TOPIC, NULL, &pub));
	CHECK_OK(zoe_subscriber_open(domain, TOPIC, NULL, &sub));
	CHECK_OK(zoe_loan(pub, 8, &loan));
	CHECK_EQ(zoe_take_next(sub, 0, &frame), -EAGAIN);
	step_done(wire);
	_exit(0); /* as a kill would: nothing is closed */
}

TEST(pid_namespaces)
{
	struct other lasting = start(publish_as_process_1), dying = start(die_as_process_1);
	struct zoe_domain *domain = open_domain();
	struct zoe_subscriber *sub;

	CHECK_OK(zoe_subscriber_open(domain, TOPIC, NULL, &sub));
	CHECK_EQ(info(domain).publishers, 2); /* both have process id 1 */
	CHECK_EQ(info(domain).subscribers, 2);
	CHECK_EQ(info(domain).slots_loaned, 2);
	finish(&dying);
	CHECK_EQ(info(domain).publishers, 1);
	CHECK_EQ(info(domain).dead, 2);
	CHECK_EQ(zoe_domain_clean(domain), 0);
	CHECK_EQ(info(domain).dead, 0);
	CHECK_EQ(info(domain).slots_loaned, 1); /* the living one's, though it has the same process id */
	go_on(&lasting, false);
	get(sub, 0);
	finish(&lasting);
	zoe_subscriber_close(sub);
	zoe_domain_close(domain);
}

/* ---- copies of the library ---------------------------------------------------------------------------------- */

/* The functions of one copy. */
struct copy {
	void *handle;
	int (*domain_open)(const char *path, struct zoe_domain **out);
	void (*domain_close)(struct zoe_domain *domain);
	int (*publisher_open)(struct zoe_domain *domain, const char *topic, const struct zoe_topic_options *options,
	                      struct zoe_publisher **out);
	void (*publisher_close)(struct zoe_publisher *publisher);
	int (*subscriber_open)(struct zoe_domain *domain, const char *topic,
	                       const struct zoe_subscriber_options *options, struct zoe_subscriber **out);
	void (*subscriber_close)(struct zoe_subscriber *subscriber);
	int (*publish_bytes)(struct zoe_publisher *publisher, const void *bytes, size_t size, uint64_t *out_seq);
	const char *(*error)(void);
};

static void *find(void *handle, const char *name)
{
	void *function = dlsym(handle, name);

	if (!function)
		check_failed(__FILE__, __LINE__, "%s", dlerror());
	return function;
}

/* Load the shared library from a file of its own, so that the loader takes it for another one. */
static struct copy load(const char *name)
{
	char command[8400], path[4200];

	CHECK(getcwd(path, 4000) != NULL);
	snprintf(path + strlen(path), 100, "/%s", name);
	snprintf(command, sizeof(command), "cp '%s/lib/libzoetrope.so' '%s'", getenv("ZOETROPE_BUILD"), path);
	CHECK_EQ(system(command), 0);
	void *handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);

	if (!handle)
		check_failed(__FILE__, __LINE__, "%s", dlerror());
	struct copy copy = {.handle = handle};

	*(void **)&copy.domain_open = find(handle, "zoe_domain_open");
	*(void **)&copy.domain_close = find(handle, "zoe_domain_close");
	*(void **)&copy.publisher_open = find(handle, "zoe_publisher_open");
	*(void **)&copy.publisher_close = find(handle, "zoe_publisher_close");
	*(void **)&copy.subscriber_open = find(handle, "zoe_subscriber_open");
	*(void **)&copy.subscriber_close = find(handle, "zoe_subscriber_close");
	*(void **)&copy.publish_bytes = find(handle, "zoe_publish_bytes");
	*(void **)&copy.error = find(handle, "zoe_error");
	return copy;
}

/* Seen from another process: what the locks of this one say. */
static void check_alive(unsigned publishers, unsigned subscribers)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		struct zoe_domain *domain = open_domain();

		CHECK_OK(zoe_domain_clean(domain));
		CHECK_EQ(info(domain).publishers, publishers);
		CHECK_EQ(info(domain).subscribers, subscribers);
		CHECK_EQ(info(domain).dead, 0);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(copies_in_one_process)
{
	struct copy copies[2] = {load("first.so"), load("second.so")};
	struct zoe_domain *domain = open_domain(), *domains[2];
	struct zoe_publisher *pub, *pubs[2];
	struct zoe_subscriber *sub, *subs[2];
	uint64_t number = 0, seq;

	CHECK(copies[0].publisher_open != copies[1].publisher_open && copies[0].publisher_open != zoe_publisher_open);
	CHECK_OK(zoe_publisher_open(domain, TOPIC, NULL, &pub));
	CHECK_OK(zoe_subscriber_open(domain, TOPIC, NULL, &sub));
	for (unsigned i = 0; i < 2; i++) {
		CHECK_EQ(copies[i].domain_open(NULL, &domains[i]), 0);
		CHECK_EQ(copies[i].publisher_open(domains[i], TOPIC, NULL, &pubs[i]), 0);
		CHECK_EQ(copies[i].subscriber_open(domains[i], TOPIC, NULL, &subs[i]), 0);
	}
	check_alive(3, 3);
	copies[0].subscriber_close(subs[0]);
	check_alive(3, 2);
	copies[0].publisher_close(pubs[0]);
	copies[0].domain_close(domains[0]);
	CHECK_EQ(dlclose(copies[0].handle), 0);
	check_alive(2, 2);
	zoe_publisher_close(pub);
	check_alive(1, 2);
	CHECK_EQ(copies[1].publish_bytes(pubs[1], &number, sizeof(number), &seq), 0);
	get(sub, 0);
	copies[1].publisher_close(pubs[1]);
	check_alive(0, 2);
	copies[1].subscriber_close(subs[1]);
	check_alive(0, 1);
	copies[1].domain_close(domains[1]);
	zoe_subscriber_close(sub);
	zoe_domain_close(domain);
	CHECK_EQ(dlclose(copies[1].handle), 0);
	CHECK(access(in_domain(TOPIC), F_OK) < 0);
}

/* ---- descriptors -------------------------------------------------------------------------------------------- */

/* As daemons do: everything but the wire is closed. */
static void close_everything(int wire)
{
	struct zoe_subscriber *sub;
	struct zoe_publisher *pub;
	struct zoe_frame frame;
	struct zoe_loan loan;
	struct zoe_domain *domain = open_domain();

	CHECK_OK(zoe_publisher_open(domain, TOPIC, NULL, &pub));
	CHECK_OK(zoe_subscriber_open(domain, TOPIC, NULL, &sub));
	put(pub, 0);
	CHECK_OK(zoe_take_next(sub, 0, &frame));
	CHECK_OK(zoe_loan(pub, 8, &loan));
	for (int fd = 3; fd < 256; fd++) {
		if (fd != wire)
			close(fd);
	}
	step_done(wire);
	CHECK_OK(zoe_publish(pub, &loan, NULL));
	CHECK_EQ(*(const uint64_t *)frame.data, 0);
	step_done(wire);
	_exit(0);
}

TEST(closing_all_descriptors_is_not_dying)
{
	struct other other = start(close_everything);

	check_alive(1, 1);
	struct zoe_domain *domain = open_domain();

	CHECK_EQ(info(domain).slots_pinned, 1);
	CHECK(info(domain).slots_loaned > 0);
	go_on(&other, false);
	CHECK_EQ(info(domain).next_seq, 2);
	finish(&other);
	CHECK_EQ(zoe_domain_clean(domain), 1);
	zoe_domain_close(domain);
}
