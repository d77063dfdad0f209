/* SPDX-License-Identifier: Apache-2.0 */
/* See open_once.h. The publisher in the child sleeps meanwhile: it only keeps the topic alive. */
#include "open_once.h"
#include "damage.h"
#include "zoetrope.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define TOPIC      "front"
#define EDIT_BYTES 12
#define EDITS_MAX  16

/* A file as it should be, and a descriptor to mend it by. */
struct original {
	int fd;
	uint8_t *bytes;
	size_t size;
};

static struct zoe_domain *domain;
static struct zoe_topic_options options = {.depth = 3, .publishers = 3, .subscribers = 4, .keeps = 1};
static struct original originals[DAMAGE_FILES_MAX];
static unsigned count;
static pid_t child = -1;

static void put(struct zoe_publisher *pub)
{
	struct zoe_loan loan;

	if (zoe_loan(pub, 100, &loan) < 0)
		return;
	loan.image = (struct zoe_image){.format = ZOE_FORMAT_GREY, .width = 10, .height = 10};
	zoe_image_layout(&loan.image, 1);
	memset(loan.data, 1, 100);
	if (zoe_publish(pub, &loan, NULL) < 0)
		zoe_discard(pub, &loan);
}

/* Tell that the topic is there, then live until the parent lets go of the other end. */
static _Noreturn void live(int tell)
{
	struct zoe_publisher *pub;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (zoe_publisher_open(domain, TOPIC, &options, &pub) < 0)
		_exit(1);
	for (unsigned i = 0; i < 9; i++)
		put(pub);
	if (write(tell, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static int remember(const struct damage_file *file)
{
	struct original *o = &originals[count];
	char path[4400];

	snprintf(path, sizeof(path), "%s%s", zoe_domain_path(domain), file->path);
	*o = (struct original){.fd = open(path, O_RDWR | O_CLOEXEC), .bytes = malloc(file->size), .size = file->size};
	if (o->fd < 0 || !o->bytes)
		return -1;
	memcpy(o->bytes, file->bytes, file->size);
	count++;
	return 0;
}

int open_once_begin(int small)
{
	struct damage d = {.random = 1};
	char byte;
	int told[2], status = 0;

	options.slot_bytes = small ? 200 : 5000;
	if (zoe_domain_open(NULL, &domain) < 0 || pipe2(told, O_CLOEXEC) < 0)
		return -1;
	child = fork();
	if (child == 0)
		live(told[1]);
	close(told[1]);
	if (read(told[0], &byte, 1) != 1)
		status = -1;
	close(told[0]);
	damage_find(&d, zoe_domain_path(domain));
	for (unsigned i = 0; i < d.count && status == 0; i++)
		status = remember(&d.files[i]);
	damage_forget(&d);
	return count ? status : -1;
}

void open_once_end(void)
{
	for (unsigned i = 0; i < count; i++) {
		close(originals[i].fd);
		free(originals[i].bytes);
	}
	count = 0;
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
	zoe_domain_clean(domain);
	zoe_domain_close(domain);
}

static void edit(const uint8_t *at)
{
	const struct original *o = &originals[at[0] % count];
	size_t offset = at[2] | (size_t)at[3] << 8;
	size_t width = (size_t)1 << (at[1] & 3);
	uint64_t size;

	if (at[1] == 255) { /* another size; nobody has it mapped and touches it now */
		memcpy(&size, at + 4, 8);
		if (ftruncate(o->fd, (off_t)(size % (2 * o->size))) < 0)
			abort();
		return;
	}
	if (at[1] & 4)
		offset %= 256; /* header and shape */
	if (at[1] & 8)
		offset = offset / 8 * 8;
	offset %= o->size;
	if (pwrite(o->fd, at + 4, width, (off_t)offset) != (ssize_t)width)
		abort();
}

static void mend(void)
{
	for (unsigned i = 0; i < count; i++) {
		const struct original *o = &originals[i];

		if (ftruncate(o->fd, (off_t)o->size) < 0 || pwrite(o->fd, o->bytes, o->size, 0) != (ssize_t)o->size)
			abort();
	}
}

static unsigned subscribe(void)
{
	struct zoe_subscriber *sub;
	struct zoe_frame frame;

	if (zoe_subscriber_open(domain, TOPIC, NULL, &sub) < 0)
		return 0;
	zoe_subscriber_fd(sub);
	for (unsigned i = 0; i < 3; i++) {
		if (i ? zoe_take_next(sub, 0, &frame) : zoe_take_latest(sub, 0, &frame))
			continue;
		if (frame.size)
			(void)((const volatile uint8_t *)frame.data)[frame.size - 1];
		zoe_release(sub, &frame);
	}
	zoe_subscriber_close(sub);
	return 1;
}

static unsigned publish(void)
{
	struct zoe_publisher *pub;

	if (zoe_publisher_open(domain, TOPIC, &options, &pub) < 0)
		return 0;
	for (unsigned i = 0; i < 5; i++)
		put(pub);
	zoe_publisher_close(pub);
	return 1;
}

unsigned open_once(const uint8_t *data, size_t size)
{
	struct zoe_topic_info info;
	unsigned good;

	for (unsigned i = 0; i < EDITS_MAX && (i + 1) * EDIT_BYTES <= size; i++)
		edit(data + (size_t)i * EDIT_BYTES);
	good = zoe_topic_info(domain, TOPIC, &info) == 0;
	good += subscribe();
	good += publish();
	mend();
	return good;
}
