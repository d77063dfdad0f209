/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A party is held up between two system calls while others go on: what chaos meets by chance is arranged here. The test
 * stands between the library and libc (linker option --wrap) and lets something happen before or after a call.
 */
#include "check.h"
#include "zoetrope.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Called once, at the call that it is meant for. */
static void (*before_rename)(void), (*before_lock)(void), (*before_look)(void), (*before_unlink)(void),
    (*after_unlink)(void);

static void happen(void (**what)(void))
{
	void (*now)(void) = *what;

	*what = NULL;
	if (now)
		now();
}

int __real_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags);
int __wrap_renameat2(int from_fd, const char *from, int to_fd, const char *to, unsigned flags)
{
	happen(&before_rename);
	return __real_renameat2(from_fd, from, to_fd, to, flags);
}

int __real_fcntl64(int fd, int command, void *argument);
int __wrap_fcntl64(int fd, int command, void *argument);
int __wrap_fcntl64(int fd, int command, void *argument)
{
	if (command == F_OFD_SETLK)
		happen(&before_lock);
	return __real_fcntl64(fd, command, argument);
}

int __real_openat64(int fd, const char *path, int flags, mode_t mode);
int __wrap_openat64(int fd, const char *path, int flags, mode_t mode);
int __wrap_openat64(int fd, const char *path, int flags, mode_t mode)
{
	if (!strcmp(path, "readers"))
		happen(&before_look);
	return __real_openat64(fd, path, flags, mode);
}

/* Futex calls: of the first `wakes` ones nothing happens. */
static unsigned wakes;
static void (*before_wake)(void);

long __real_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f);
long __wrap_syscall(long number, long a, long b, long c, long d, long e, long f)
{
	if (before_wake && wakes-- == 0)
		happen(&before_wake);
	return __real_syscall(number, a, b, c, d, e, f);
}

int __real_unlinkat(int fd, const char *path, int flags);
int __wrap_unlinkat(int fd, const char *path, int flags);
int __wrap_unlinkat(int fd, const char *path, int flags)
{
	int status;

	happen(&before_unlink);
	status = __real_unlinkat(fd, path, flags);
	if (strstr(path, "/index"))
		happen(&after_unlink);
	return status;
}

static struct zoe_domain *domain;
static struct zoe_publisher *first, *second;

static uint64_t put(struct zoe_publisher *pub, size_t size)
{
	struct zoe_loan loan;
	uint64_t seq;

	CHECK_OK(zoe_loan(pub, size, &loan));
	memset(loan.data, 7, size);
	CHECK_OK(zoe_publish(pub, &loan, &seq));
	return seq;
}

static void setup(void)
{
	const struct zoe_topic_options options = {.slot_bytes = 5000, .depth = 2};

	CHECK_OK(zoe_domain_open(NULL, &domain));
	CHECK_OK(zoe_publisher_open(domain, "front", &options, &first));
	CHECK_OK(zoe_publisher_open(domain, "front", &options, &second));
}

static void teardown(void)
{
	zoe_publisher_close(first);
	zoe_publisher_close(second);
	zoe_domain_close(domain);
}

static bool there(const char *file)
{
	char path[4200];
	struct stat st;

	snprintf(path, sizeof(path), "%s/front/%s", getenv("ZOETROPE_DOMAIN"), file);
	return stat(path, &st) == 0;
}

/* The topic grows twice, and its second generation is given up. */
static void grow_twice(void)
{
	put(second, 10000);
	put(second, 20000);
	for (int i = 0; i < 8; i++)
		put(second, 100);
	CHECK(!there("1/index"));
	CHECK(!there("2/index"));
	CHECK(there("3/index"));
}

TEST(successor_made_too_late)
{
	struct zoe_subscriber *sub;
	struct zoe_frame frame;

	setup();
	put(first, 1);
	CHECK_OK(zoe_subscriber_open(domain, "front", NULL, &sub));
	before_rename = grow_twice; /* what the first one makes is then a second generation 2 */
	CHECK_EQ(put(first, 8000), 11);
	CHECK_EQ(put(second, 8000), 12);
	CHECK_EQ(put(first, 15000), 13);
	/* who read nothing meanwhile comes to the same frames */
	CHECK_OK(zoe_take_next(sub, 0, &frame));
	CHECK_EQ(frame.seq, 12);
	CHECK_EQ(frame.size, 8000);
	zoe_release(sub, &frame);
	CHECK_OK(zoe_take_next(sub, 0, &frame));
	CHECK_EQ(frame.seq, 13);
	zoe_subscriber_close(sub);
	teardown();
}

TEST(generation_given_up_before_a_loan)
{
	setup();
	put(first, 1);
	wakes = 1; /* it wakes those of the old generation, then, gone over, those of the new one */
	before_wake = grow_twice;
	CHECK_EQ(put(first, 8000), 11);
	CHECK_EQ(put(second, 8000), 12);
	teardown();
}

static void die(void)
{
	_exit(0);
}

TEST(killed_while_it_gives_up_a_generation)
{
	struct zoe_subscriber *sub;
	struct zoe_frame frame;
	int status;

	setup();
	put(first, 1);
	CHECK_OK(zoe_subscriber_open(domain, "front", NULL, &sub));
	pid_t child = fork();

	if (child == 0) {
		CHECK_OK(zoe_domain_open(NULL, &domain));
		CHECK_OK(zoe_publisher_open(domain, "front", NULL, &first));
		put(first, 10000);
		after_unlink = die;
		for (;;)
			put(first, 100);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
	CHECK(there("1/index") != there("1/frames"));
	CHECK_OK(zoe_take_next(sub, 0, &frame)); /* goes on, although what is left of generation 1 cannot be opened */
	zoe_release(sub, &frame);
	zoe_subscriber_close(sub);
	CHECK_OK(
	    zoe_subscriber_open(domain, "front", &(struct zoe_subscriber_options){.start = ZOE_START_OLDEST}, &sub));
	CHECK_OK(zoe_take_next(sub, 0, &frame));
	zoe_release(sub, &frame);
	/* whoever joins finishes what was begun */
	zoe_publisher_close(second);
	CHECK_OK(zoe_publisher_open(domain, "front", NULL, &second));
	CHECK(!there("1/index"));
	CHECK(!there("1/frames"));
	put(first, 1);
	zoe_subscriber_close(sub);
	teardown();
}

/* Somebody takes the record that the joining one will get, goes over, loans, and dies. */
static void live_and_die(void)
{
	pid_t child = fork();
	int status;

	if (child == 0) {
		struct zoe_loan loan;

		CHECK_OK(zoe_domain_open(NULL, &domain));
		CHECK_OK(zoe_publisher_open(domain, "front", NULL, &first));
		put(first, 10000);
		CHECK_OK(zoe_loan(first, 1, &loan));
		CHECK_OK(zoe_loan(first, 1, &loan));
		_exit(0);
	}
	CHECK_EQ(waitpid(child, &status, 0), child);
	CHECK_EQ(status, 0);
}

TEST(record_of_a_dead_one_in_the_next_generation)
{
	struct zoe_topic_info info;

	setup();
	put(first, 1);
	zoe_publisher_close(second);
	before_lock = live_and_die;
	CHECK_OK(zoe_publisher_open(domain, "front", NULL, &second));
	put(second, 1);
	put(first, 1);
	CHECK_OK(zoe_topic_info(domain, "front", &info));
	CHECK_EQ(info.generation, 2);
	CHECK_EQ(info.slots_loaned, 0);
	teardown();
}

/* The only other publisher leaves, and the topic goes with it. */
static void leave(void)
{
	zoe_publisher_close(first);
	first = NULL;
}

TEST(topic_removed_while_it_is_opened)
{
	struct zoe_subscriber *sub;

	setup();
	zoe_publisher_close(second);
	before_look = leave;
	CHECK_EQ(zoe_subscriber_open(domain, "front", NULL, &sub), -ENOENT);
	CHECK_OK(zoe_publisher_open(domain, "front", NULL, &first));
	before_look = leave;
	CHECK_OK(zoe_publisher_open(domain, "front", NULL, &second)); /* a new topic */
	CHECK_EQ(put(second, 1), 0);
	teardown();
}

static void grow_once(void)
{
	put(second, 10000);
	put(second, 10000);
}

/* Who joins gets what is published after that, though the topic changed its shape while it joined. */
static void join_while_it_grows(const char *group)
{
	struct zoe_subscriber *sub;
	struct zoe_frame frame;

	setup();
	put(first, 1);
	before_lock = grow_once;
	CHECK_OK(zoe_subscriber_open(domain, "front", &(struct zoe_subscriber_options){.group = group}, &sub));
	CHECK_EQ(zoe_take_next(sub, 0, &frame), -EAGAIN);
	CHECK_EQ(put(first, 10), 3);
	CHECK_OK(zoe_take_next(sub, 0, &frame));
	CHECK_EQ(frame.seq, 3);
	CHECK_EQ(frame.lost, 0);
	zoe_subscriber_close(sub);
	teardown();
}

TEST(subscriber_joins_while_the_topic_grows)
{
	join_while_it_grows(NULL);
}

TEST(group_joins_while_the_topic_grows)
{
	join_while_it_grows("pair");
}

/* A sweeper judges that what is being made was left by somebody dead, and is held up before it removes the first file. */
static sem_t judged, made;

static void wait_until_made(void)
{
	sem_post(&judged);
	sem_wait(&made);
}

static void *sweep(void *user)
{
	before_unlink = wait_until_made;
	CHECK_OK(zoe_domain_clean(user));
	return NULL;
}

static pthread_t sweeper;

static void begin_to_sweep(void)
{
	pthread_create(&sweeper, NULL, sweep, domain);
	sem_wait(&judged);
}

TEST(swept_while_it_is_made)
{
	CHECK_OK(zoe_domain_open(NULL, &domain));
	sem_init(&judged, 0, 0);
	sem_init(&made, 0, 0);
	before_lock = begin_to_sweep;
	CHECK_OK(zoe_publisher_open(domain, "front", NULL, &first));
	sem_post(&made);
	pthread_join(sweeper, NULL);
	CHECK_OK(zoe_publisher_open(domain, "front", NULL, &second));
	CHECK(there("readers") && there("writers") && there("1/index") && there("1/frames"));
	CHECK_EQ(put(first, 1), 0);
	CHECK_EQ(put(second, 1), 1); /* they are on the same topic */
	teardown();
}
