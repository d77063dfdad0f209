/* SPDX-License-Identifier: Apache-2.0 */
/* Files of machines with another byte order or layout: every way in refuses them with a sentence. */
#include "check.h"
#include "zoetrope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#define TOPIC "front"

static struct zoe_domain *open_domain(void)
{
	struct zoe_domain *domain;

	CHECK_OK(zoe_domain_open(NULL, &domain));
	return domain;
}

static void put(struct zoe_publisher *pub, uint64_t seq)
{
	uint64_t given;

	CHECK_OK(zoe_publish_bytes(pub, &seq, sizeof(seq), &given));
	CHECK_EQ(given, seq);
}

static char *in_domain(const char *file)
{
	static char path[4200];

	snprintf(path, sizeof(path), "%s/%s", getenv("ZOETROPE_DOMAIN"), file);
	return path;
}

/* How `readers` and `index` begin. */
struct beginning {
	uint64_t magic;
	uint32_t abi, byte_order;
};

static struct beginning exchange(const char *file, const struct beginning *put)
{
	struct beginning found;
	int fd = open(in_domain(file), O_RDWR | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(pread(fd, &found, sizeof(found), 0), sizeof(found));
	if (put)
		CHECK_EQ(pwrite(fd, put, sizeof(*put), 0), sizeof(*put));
	close(fd);
	return found;
}

/* Every way in refuses the file with that sentence. */
static void check_refused(struct zoe_domain *domain, const char *file, struct beginning wrong, const char *sentence)
{
	struct beginning right = exchange(file, &wrong);
	struct zoe_subscriber *sub;
	struct zoe_publisher *pub;
	struct zoe_topic_info out;

	CHECK_EQ(zoe_subscriber_open(domain, TOPIC, NULL, &sub), -EBADMSG);
	CHECK_HAS(zoe_error(), sentence);
	CHECK_EQ(zoe_publisher_open(domain, TOPIC, NULL, &pub), -EBADMSG);
	CHECK_HAS(zoe_error(), sentence);
	CHECK_EQ(zoe_topic_info(domain, TOPIC, &out), -EBADMSG);
	CHECK_HAS(zoe_error(), sentence);
	exchange(file, &right);
}

TEST(files_of_other_machines)
{
	static const char *const files[] = {TOPIC "/readers", TOPIC "/1/index"};
	struct zoe_domain *domain = open_domain();
	struct zoe_publisher *pub;

	CHECK_OK(zoe_publisher_open(domain, TOPIC, NULL, &pub));
	for (unsigned i = 0; i < 2; i++) {
		struct beginning good = exchange(files[i], NULL), wrong = good;

		/* as a machine of the other byte order writes it, and in parts */
		wrong = (struct beginning){.magic = __builtin_bswap64(good.magic),
		                           .abi = __builtin_bswap32(good.abi),
		                           .byte_order = __builtin_bswap32(good.byte_order)};
		check_refused(domain, files[i], wrong, "other byte order");
		wrong = good;
		wrong.byte_order = __builtin_bswap32(good.byte_order);
		check_refused(domain, files[i], wrong, "other byte order");
		wrong.byte_order = 0x02010403;
		check_refused(domain, files[i], wrong, "no byte order");
		wrong = good;
		wrong.abi = good.abi + 1;
		check_refused(domain, files[i], wrong, "use the same libzoetrope everywhere");
		wrong.abi = 0;
		check_refused(domain, files[i], wrong, "layout version 0");
		wrong = good;
		wrong.magic = 0;
		check_refused(domain, files[i], wrong, "do not begin as zoetrope's");
	}
	put(pub, 0); /* who was in before goes on */
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}
