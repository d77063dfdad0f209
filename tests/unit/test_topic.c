/* SPDX-License-Identifier: Apache-2.0 */
/* Topics and domains: names, budgets, loans, life and death, damage. */
#include "check.h"
#include "zoetrope.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct zoe_domain *open_domain(void)
{
	struct zoe_domain *domain;

	CHECK_OK(zoe_domain_open(NULL, &domain));
	return domain;
}

static struct zoe_publisher *open_publisher(struct zoe_domain *domain, const struct zoe_topic_options *options)
{
	struct zoe_publisher *pub;

	CHECK_OK(zoe_publisher_open(domain, "front", options, &pub));
	return pub;
}

static uint64_t put(struct zoe_publisher *pub)
{
	struct zoe_loan loan;
	uint64_t seq;

	CHECK_OK(zoe_loan(pub, 100, &loan));
	memset(loan.data, 1, 100);
	CHECK_OK(zoe_publish(pub, &loan, &seq));
	return seq;
}

static struct zoe_topic_info info(struct zoe_domain *domain)
{
	struct zoe_topic_info out;

	CHECK_OK(zoe_topic_info(domain, "front", &out));
	return out;
}

static int list_counts(const char *topic, void *user)
{
	(void)topic;
	++*(int *)user;
	return 0;
}

static int topics(struct zoe_domain *domain)
{
	int count = 0;

	CHECK_OK(zoe_domain_list(domain, list_counts, &count));
	return count;
}

/* Run what in a child that is killed at the end, so that it leaves everything as it is. */
static void in_killed_child(void (*what)(void))
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		what();
		raise(SIGKILL);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK(WIFSIGNALED(status));
}

TEST(names)
{
	static const char *const bad[] = {"", "/a", "a/", "a//b", "a b", "..", ".new-1", "ü", "a.b"};
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub;
	char longest[ZOE_TOPIC_NAME_MAX + 2];

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		CHECK_EQ(zoe_publisher_open(domain, bad[i], NULL, &pub), -EINVAL);
		CHECK_HAS(zoe_error(), "topic name");
	}
	memset(longest, 'a', sizeof(longest));
	longest[ZOE_TOPIC_NAME_MAX + 1] = '\0';
	CHECK_EQ(zoe_publisher_open(domain, longest, NULL, &pub), -EINVAL);
	longest[ZOE_TOPIC_NAME_MAX] = '\0';
	CHECK_OK(zoe_publisher_open(domain, longest, NULL, &pub));
	zoe_publisher_close(pub);
	CHECK_OK(zoe_publisher_open(domain, "front/detections", NULL, &pub));
	CHECK_EQ(topics(domain), 1);
	zoe_publisher_close(pub);
	CHECK_EQ(topics(domain), 0);
	zoe_domain_close(domain);
}

TEST(no_topic_is_enoent)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_subscriber *sub;

	CHECK_EQ(zoe_subscriber_open(domain, "front", NULL, &sub), -ENOENT);
	CHECK_HAS(zoe_error(), "no topic front");
	zoe_domain_close(domain);
}

TEST(options_out_of_range)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub;

	CHECK_EQ(zoe_publisher_open(domain, "front", &(struct zoe_topic_options){.depth = 5000}, &pub), -EINVAL);
	CHECK_HAS(zoe_error(), "depth 5000");
	CHECK_EQ(zoe_publisher_open(domain, "front", &(struct zoe_topic_options){.slot_bytes = SIZE_MAX / 2}, &pub),
	         -EINVAL);
	CHECK_EQ(topics(domain), 0);
	zoe_domain_close(domain);
}

TEST(loans_are_bounded)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &(struct zoe_topic_options){.loans = 2, .slot_bytes = 5000});
	struct zoe_loan a, b, c;

	CHECK_OK(zoe_loan(pub, 10, &a));
	CHECK_OK(zoe_loan(pub, 10, &b));
	CHECK(a.slot != b.slot);
	CHECK_EQ(zoe_loan(pub, 10, &c), -ENOBUFS);
	CHECK_EQ(info(domain).slots_loaned, 2);
	zoe_discard(pub, &a);
	zoe_discard(pub, &a);
	CHECK_OK(zoe_loan(pub, 5000, &c));
	c.size = 5001;
	CHECK_EQ(zoe_publish(pub, &c, NULL), -EINVAL);
	c.size = 1000;
	c.image = (struct zoe_image){
	    .format = ZOE_FORMAT_GREY, .width = 100, .height = 11, .plane_count = 1, .planes = {{.stride = 100}}};
	CHECK_EQ(zoe_publish(pub, &c, NULL), -EINVAL);
	c.image.height = 10;
	CHECK_OK(zoe_publish(pub, &c, NULL));
	CHECK_EQ(zoe_publish(pub, &c, NULL), -EINVAL);
	CHECK_EQ(zoe_loan(pub, SIZE_MAX, &a), -EMSGSIZE);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(budgets_refuse_with_a_sentence)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub =
	    open_publisher(domain, &(struct zoe_topic_options){.publishers = 1, .subscribers = 2, .pins = 5});
	struct zoe_publisher *pub2;
	struct zoe_subscriber *a, *b, *c;

	CHECK_EQ(zoe_publisher_open(domain, "front", NULL, &pub2), -EUSERS);
	CHECK_HAS(zoe_error(), "1 publishers already");
	CHECK_OK(zoe_subscriber_open(domain, "front", &(struct zoe_subscriber_options){.pins = 3}, &a));
	CHECK_EQ(zoe_subscriber_open(domain, "front", &(struct zoe_subscriber_options){.pins = 3}, &b), -EUSERS);
	CHECK_HAS(zoe_error(), "may hold 5 frames together, 3 are spoken for and 3 wanted");
	CHECK_OK(zoe_subscriber_open(domain, "front", NULL, &b));
	zoe_subscriber_close(a);
	CHECK_OK(zoe_subscriber_open(domain, "front", NULL, &a));
	zoe_subscriber_close(b);
	CHECK_OK(zoe_subscriber_open(domain, "front", &(struct zoe_subscriber_options){.pins = 1}, &b));
	CHECK_EQ(zoe_subscriber_open(domain, "front", &(struct zoe_subscriber_options){.pins = 1}, &c), -EUSERS);
	CHECK_HAS(zoe_error(), "2 subscribers already");
	zoe_subscriber_close(a);
	zoe_subscriber_close(b);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(sequence_goes_on_after_a_publisher)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);
	struct zoe_subscriber *sub;
	struct zoe_frame frame;

	CHECK_OK(zoe_subscriber_open(domain, "front", NULL, &sub));
	CHECK_EQ(put(pub), 0);
	zoe_publisher_close(pub);
	pub = open_publisher(domain, NULL);
	CHECK_EQ(put(pub), 1);
	CHECK_OK(zoe_take_next(sub, 0, &frame));
	zoe_release(sub, &frame);
	CHECK_OK(zoe_take_next(sub, 0, &frame));
	CHECK_EQ(frame.seq, 1);
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	CHECK_EQ(topics(domain), 0);
	zoe_domain_close(domain);
}

static void die_with_two_loans(void)
{
	struct zoe_publisher *pub = open_publisher(open_domain(), NULL);
	struct zoe_loan loan;

	put(pub);
	CHECK_OK(zoe_loan(pub, 10, &loan));
	CHECK_OK(zoe_loan(pub, 10, &loan));
}

TEST(dead_publisher_is_repaired)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);
	struct zoe_topic_info before;

	put(pub), put(pub), put(pub), put(pub), put(pub), put(pub);
	before = info(domain);
	for (unsigned i = 0; i < 20; i++)
		in_killed_child(die_with_two_loans);
	CHECK_EQ(info(domain).dead, 1); /* each child cleared the one before it */
	CHECK(info(domain).slots_loaned >= 2 && info(domain).slots_loaned <= 8); /* and what both claimed in advance */
	zoe_publisher_close(open_publisher(domain, NULL));
	CHECK_EQ(info(domain).dead, 0);
	CHECK_EQ(info(domain).slots_free, before.slots_free);
	CHECK_EQ(put(pub), 26);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

static void die_with_pins(void)
{
	struct zoe_subscriber *sub;
	struct zoe_frame frame;

	CHECK_OK(zoe_subscriber_open(open_domain(), "front", NULL, &sub));
	CHECK_OK(zoe_take_latest(sub, 0, &frame));
}

TEST(dead_subscriber_is_repaired)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &(struct zoe_topic_options){.subscribers = 2, .pins = 4});

	put(pub);
	for (unsigned i = 0; i < 20; i++)
		in_killed_child(die_with_pins);
	CHECK_EQ(info(domain).slots_pinned, 1);
	CHECK_EQ(zoe_domain_clean(domain), 0);
	CHECK_EQ(info(domain).slots_pinned, 0);
	CHECK_EQ(info(domain).dead, 0);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(stale_topic_is_replaced)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_subscriber *sub;

	in_killed_child(die_with_two_loans);
	CHECK_EQ(topics(domain), 1);
	CHECK_EQ(zoe_subscriber_open(domain, "front", NULL, &sub), -ENOENT);
	CHECK_HAS(zoe_error(), "nobody alive");
	struct zoe_publisher *pub = open_publisher(domain, NULL);

	CHECK_EQ(put(pub), 0);
	zoe_publisher_close(pub);
	CHECK_EQ(topics(domain), 0);
	in_killed_child(die_with_two_loans);
	CHECK_EQ(zoe_domain_clean(domain), 1);
	CHECK_EQ(topics(domain), 0);
	zoe_domain_close(domain);
}

TEST(fork_gives_echild)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);
	struct zoe_subscriber *sub;
	int status;

	CHECK_OK(zoe_subscriber_open(domain, "front", NULL, &sub));
	pid_t pid = fork();

	if (pid == 0) {
		struct zoe_loan loan;
		struct zoe_frame frame;
		struct zoe_subscriber *own;

		CHECK_EQ(zoe_loan(pub, 1, &loan), -ECHILD);
		CHECK_EQ(zoe_take_next(sub, 0, &frame), -ECHILD);
		CHECK_EQ(zoe_subscriber_fd(sub), -ECHILD);
		zoe_publisher_close(pub);
		zoe_subscriber_close(sub);
		CHECK_OK(zoe_subscriber_open(domain, "front", NULL, &own));
		zoe_subscriber_close(own);
		_exit(0);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
	/* the child's close must have cost the parent nothing */
	CHECK_EQ(info(domain).publishers, 1);
	CHECK_EQ(info(domain).subscribers, 1);
	CHECK_EQ(put(pub), 0);
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(keep_guards_a_published_slot)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &(struct zoe_topic_options){.keeps = 1, .depth = 2});
	struct zoe_loan kept, loan;

	CHECK_OK(zoe_loan(pub, 100, &kept));
	uint8_t *data = kept.data;

	memset(data, 0x77, 100);
	CHECK_OK(zoe_publish_keep(pub, &kept, NULL));
	for (unsigned i = 0; i < 500; i++) {
		put(pub);
		CHECK_EQ(data[50], 0x77);
	}
	CHECK_OK(zoe_loan(pub, 100, &loan));
	CHECK_EQ(zoe_publish_keep(pub, &loan, NULL), -ENOBUFS);
	zoe_unkeep(pub, &kept);
	CHECK_OK(zoe_publish_keep(pub, &loan, NULL));
	zoe_unkeep(pub, &loan);
	/* now it is free again, and the lowest; of two at once one is not what the last frame pushed out of the ring */
	bool found = false;

	for (unsigned i = 0; i < 100 && !found; i++) {
		CHECK_OK(zoe_loan(pub, 100, &kept));
		CHECK_OK(zoe_loan(pub, 100, &loan));
		found = kept.data == data || loan.data == data;
		CHECK_OK(zoe_publish(pub, &kept, NULL));
		CHECK_OK(zoe_publish(pub, &loan, NULL));
	}
	CHECK(found);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(modes_of_one_user)
{
	const char *path = getenv("ZOETROPE_DOMAIN");
	struct zoe_domain *domain;
	struct stat st;
	char file[4200];

	umask(0);
	domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);

	CHECK_EQ(stat(path, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0700);
	snprintf(file, sizeof(file), "%s/front/1/index", path);
	CHECK_EQ(stat(file, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0600);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
	CHECK_EQ(chmod(path, 0777), 0);
	CHECK_EQ(zoe_domain_open(NULL, &domain), -EPERM);
	CHECK_HAS(zoe_error(), "written by everybody");
	CHECK_EQ(chmod(path, 02770), 0);
	umask(077);
	domain = open_domain();
	pub = open_publisher(domain, NULL);
	CHECK_EQ(stat(file, &st), 0);
	CHECK_EQ(st.st_mode & 07777, 0660);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

static void poke(const char *file, off_t offset, const void *bytes, size_t size)
{
	char path[4200];
	int fd;

	snprintf(path, sizeof(path), "%s/front/%s", getenv("ZOETROPE_DOMAIN"), file);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	CHECK(fd >= 0);
	CHECK_EQ(pwrite(fd, bytes, size, offset), size);
	close(fd);
}

TEST(other_layouts_are_refused)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, NULL);
	struct zoe_subscriber *sub;
	uint32_t abi = 99, order = 0x04030201, depth = 100000;
	uint32_t good_abi = 2, good_order = 0x01020304;

	poke("1/index", 8, &abi, 4);
	CHECK_EQ(zoe_subscriber_open(domain, "front", NULL, &sub), -EBADMSG);
	CHECK_HAS(zoe_error(), "layout version 99");
	poke("1/index", 8, &good_abi, 4);
	poke("1/index", 12, &order, 4);
	CHECK_EQ(zoe_subscriber_open(domain, "front", NULL, &sub), -EBADMSG);
	CHECK_HAS(zoe_error(), "other byte order");
	poke("1/index", 12, &good_order, 4);
	poke("1/index", 24, &depth, 4);
	CHECK_EQ(zoe_subscriber_open(domain, "front", NULL, &sub), -EBADMSG);
	CHECK_HAS(zoe_error(), "makes no sense");
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(damaged_ring_is_an_error)
{
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub = open_publisher(domain, &(struct zoe_topic_options){.depth = 1});
	struct zoe_subscriber *sub;
	struct zoe_frame frame;
	struct zoe_loan loan;
	uint64_t far[2] = {5000ull << 16 | 3, 5001ull << 16 | 65000};

	CHECK_OK(zoe_subscriber_open(domain, "front", NULL, &sub));
	poke("1/index", 192 + 320 * 16, far, sizeof(far));
	CHECK_EQ(zoe_take_next(sub, 0, &frame), -EBADMSG);
	CHECK_OK(zoe_loan(pub, 1, &loan));
	CHECK_EQ(zoe_publish(pub, &loan, NULL), -EBADMSG);
	CHECK_HAS(zoe_error(), "damaged");
	zoe_discard(pub, &loan);
	zoe_subscriber_close(sub);
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(image_layouts)
{
	struct zoe_image odd = {.format = ZOE_FORMAT_I420, .width = 5, .height = 3};
	struct zoe_image yuyv = {.format = ZOE_FORMAT_YUYV, .width = 5, .height = 3};
	struct zoe_image bad = {.format = ZOE_FORMAT_I420, .width = 0, .height = 3};
	struct zoe_image unknown = {.format = ZOE_FOURCC('X', 'X', 'X', 'X'), .width = 5, .height = 3};
	char name[5];

	CHECK_EQ(zoe_image_layout(&odd, 1), 5 * 3 + 3 * 2 * 2);
	CHECK_OK(zoe_image_check(&odd, 27));
	CHECK_EQ(zoe_image_check(&odd, 26), -EINVAL);
	CHECK_EQ(zoe_image_layout(&yuyv, 1), 12 * 3);
	CHECK_EQ(zoe_image_layout(&bad, 1), -EINVAL);
	CHECK_EQ(zoe_image_layout(&unknown, 1), -EINVAL);
	CHECK_EQ(zoe_image_layout(&odd, 3), -EINVAL);
	zoe_format_name(ZOE_FORMAT_NV12, name);
	CHECK(!strcmp(name, "NV12"));
	odd.planes[0].offset = UINT64_MAX - 2;
	CHECK_EQ(zoe_image_check(&odd, 27), -EINVAL);
}
