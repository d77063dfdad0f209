/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A camera for tests that want to choose each byte: publishes the raw pictures of a file, over and over, at a steady
 * rate, until it is killed or its standard input ends.
 *
 *   publish_pictures TOPIC FORMAT WIDTH HEIGHT RANGE FPS FILE
 *
 * FORMAT is a four-character code (MJPG: the file is one JPEG picture), RANGE 0 = the format's own, 1 = limited, 2 = full.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "zoetrope.h"

struct pictures {
	struct zoe_image image;
	size_t size; /* of one, bytes */
	size_t count;
	char *data;
};

static int read_pictures(struct pictures *pictures, const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat status;
	int64_t size = zoe_image_layout(&pictures->image, 1);
	if (pictures->image.format == ZOE_FORMAT_MJPEG)
		size = file && fstat(fileno(file), &status) == 0 ? status.st_size : -1; /* one picture */
	if (size < 0 || !file) {
		if (file)
			fclose(file);
		return -EINVAL;
	}
	pictures->size = (size_t)size;
	size_t used = 0, got;
	do {
		char *longer = realloc(pictures->data, used + pictures->size);
		if (!longer)
			break;
		pictures->data = longer;
		got = fread(pictures->data + used, 1, pictures->size, file);
		used += got;
	} while (got == pictures->size);
	fclose(file);
	pictures->count = used / pictures->size;
	return pictures->count ? 0 : -EINVAL;
}

static int publish(struct zoe_publisher *publisher, const struct pictures *pictures, size_t index)
{
	struct zoe_loan loan;
	int status = zoe_loan(publisher, pictures->size, &loan);
	if (status < 0)
		return status;
	memcpy(loan.data, pictures->data + index * pictures->size, pictures->size);
	loan.image = pictures->image;
	return zoe_publish(publisher, &loan, NULL);
}

/* The time of each picture is worked out from the first one's. Standard input tells the end. */
static int play(struct zoe_publisher *publisher, const struct pictures *pictures, double fps)
{
	int64_t begin_ns = zoe_now_ns();
	for (size_t n = 0;; n++) {
		int status = publish(publisher, pictures, n % pictures->count);
		if (status < 0)
			return status;
		int64_t left_ns = begin_ns + (int64_t)((double)(n + 1) * 1e9 / fps) - zoe_now_ns();
		struct pollfd input = {.fd = 0, .events = POLLIN};
		if (poll(&input, 1, left_ns > 0 ? (int)(left_ns / 1000000) : 0) != 0)
			return 0;
	}
}

int main(int argc, char **argv)
{
	if (argc != 8 || strlen(argv[2]) != 4) {
		fprintf(stderr, "usage: publish_pictures TOPIC FORMAT WIDTH HEIGHT RANGE FPS FILE\n");
		return 2;
	}
	struct pictures pictures = {.image = {
	                                .format = ZOE_FOURCC(argv[2][0], argv[2][1], argv[2][2], argv[2][3]),
	                                .width = (uint32_t)atoi(argv[3]),
	                                .height = (uint32_t)atoi(argv[4]),
	                                .range = (uint32_t)atoi(argv[5]),
	                            }};
	struct zoe_domain *domain = NULL;
	struct zoe_publisher *publisher = NULL;
	int status = read_pictures(&pictures, argv[7]);
	if (status == 0)
		status = zoe_domain_open(NULL, &domain);
	struct zoe_topic_options options = {.slot_bytes = pictures.size};
	if (status == 0)
		status = zoe_publisher_open(domain, argv[1], &options, &publisher);
	if (status == 0)
		status = play(publisher, &pictures, atof(argv[6]));
	if (status < 0)
		fprintf(stderr, "publish_pictures: %s: %s\n", strerror(-status), zoe_error());
	zoe_publisher_close(publisher);
	zoe_domain_close(domain);
	free(pictures.data);
	return status < 0;
}
