/* SPDX-License-Identifier: Apache-2.0 */
/* A memory file system that is full: an error with numbers, never a SIGBUS. On a real tmpfs of 4 MB in its own
 * namespace. */
#include "check.h"
#include "zoetrope.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MEGABYTE (1 << 20)

static void write_file(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	CHECK(fd >= 0);
	CHECK_EQ(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

/* A tmpfs of ours alone over the domain's directory; works for root and for a user with user namespaces. */
static void small_domain(void)
{
	uid_t uid = getuid();
	char map[32];

	snprintf(map, sizeof(map), "0 %u 1", uid);
	CHECK_EQ(unshare(uid == 0 ? CLONE_NEWNS : CLONE_NEWNS | CLONE_NEWUSER), 0);
	if (uid != 0)
		write_file("/proc/self/uid_map", map);
	CHECK_EQ(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	CHECK_EQ(mount("tmpfs", getenv("ZOETROPE_DOMAIN"), "tmpfs", 0, "size=4m,mode=0700"), 0);
}

/* Another process fills what is left. */
static void fill(void)
{
	pid_t pid = fork();
	int status;

	if (pid == 0) {
		char path[4200];
		static char block[65536];

		snprintf(path, sizeof(path), "%s/other", getenv("ZOETROPE_DOMAIN"));
		int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

		while (write(fd, block, sizeof(block)) > 0)
			;
		_exit(errno == ENOSPC ? 0 : 1);
	}
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	CHECK_EQ(status, 0);
}

TEST(filled_between_two_loans)
{
	struct zoe_domain *domain;
	struct zoe_publisher *pub;
	struct zoe_loan first, second;
	struct zoe_topic_info info;
	char path[4200];

	small_domain();
	CHECK_OK(zoe_domain_open(NULL, &domain));
	CHECK_OK(zoe_publisher_open(domain, "front", &(struct zoe_topic_options){.slot_bytes = MEGABYTE}, &pub));
	CHECK_OK(zoe_loan(pub, MEGABYTE, &first));
	fill();
	CHECK_EQ(zoe_loan(pub, MEGABYTE, &second), -ENOSPC);
	printf("measured: %s\n", zoe_error());
	CHECK_HAS(zoe_error(), "needs 1048576 bytes");
	CHECK_HAS(zoe_error(), "of 4194304");
	CHECK_HAS(zoe_error(), "shm-size");
	/* the slot that was reserved is good, and nothing has leaked */
	memset(first.data, 1, MEGABYTE);
	CHECK_OK(zoe_publish(pub, &first, NULL));
	CHECK_OK(zoe_topic_info(domain, "front", &info));
	CHECK_EQ(info.slots_loaned, 0);
	CHECK_EQ(info.slots_free, info.slots - 1);
	/* and it goes on when there is room again */
	snprintf(path, sizeof(path), "%s/other", getenv("ZOETROPE_DOMAIN"));
	CHECK_EQ(unlink(path), 0);
	CHECK_OK(zoe_loan(pub, MEGABYTE, &second));
	memset(second.data, 2, MEGABYTE);
	CHECK_OK(zoe_publish(pub, &second, NULL));
	zoe_publisher_close(pub);
	zoe_domain_close(domain);
}

TEST(full_before_the_topic)
{
	struct zoe_domain *domain;
	struct zoe_publisher *pub;

	small_domain();
	CHECK_OK(zoe_domain_open(NULL, &domain));
	fill();
	CHECK_EQ(zoe_publisher_open(domain, "front", NULL, &pub), -ENOSPC);
	CHECK_HAS(zoe_error(), "free of 4194304");
	CHECK_EQ(zoe_domain_clean(domain), 0); /* what was half made is gone already */
	zoe_domain_close(domain);
}
