/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For tests: take packets of a topic from a key picture on, and write H.264 that came with lengths (avcC) as a stream with
 * start codes.
 *
 *   packets TOPIC COUNT FILE
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "zoetrope.h"
#include "zoetrope_packets.h"

#define PATIENCE_NS 10000000000

static const uint8_t start_code[4] = {0, 0, 0, 1};

static uint32_t big_endian(const uint8_t *bytes, unsigned count)
{
	uint32_t value = 0;
	for (unsigned i = 0; i < count; i++)
		value = value << 8 | bytes[i];
	return value;
}

/* Pieces that each have their length before them. Returns where they end. */
static const uint8_t *write_pieces(const uint8_t *at, const uint8_t *end, unsigned length_bytes, unsigned most,
                                   FILE *file)
{
	for (unsigned i = 0; i < most && at + length_bytes <= end; i++) {
		uint32_t length = big_endian(at, length_bytes);
		at += length_bytes;
		if (length > (size_t)(end - at))
			return end;
		fwrite(start_code, 1, sizeof(start_code), file);
		fwrite(at, 1, length, file);
		at += length;
	}
	return at;
}

/* The parameter sets of an avcC (ISO/IEC 14496-15, 5.3.3.1). */
static void write_header(const uint8_t *extra, size_t size, FILE *file)
{
	const uint8_t *end = extra + size;
	if (size < 7 || extra[0] != 1)
		return;
	const uint8_t *at = write_pieces(extra + 6, end, 2, extra[5] & 31, file);
	if (at < end)
		write_pieces(at + 1, end, 2, *at, file);
}

static int copy(struct zoe_subscriber *subscriber, unsigned count, FILE *file)
{
	unsigned copied = 0;
	while (copied < count) {
		struct zoe_frame frame;
		struct zoe_packet_head head;
		int status = zoe_take_next(subscriber, PATIENCE_NS, &frame);
		if (status < 0)
			return status;
		memcpy(&head, frame.data, sizeof(head));
		const uint8_t *extra = (const uint8_t *)frame.data + sizeof(head);
		if (head.magic != ZOE_PACKET_MAGIC || strcmp(head.codec, "h264") != 0)
			return -EBADMSG;
		if (copied || head.flags & ZOE_PACKET_KEY) {
			write_header(extra, head.extra_bytes, file);
			write_pieces(extra + head.extra_bytes, (const uint8_t *)frame.data + frame.size, 4, 1000, file);
			copied++;
		}
		zoe_release(subscriber, &frame);
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct zoe_domain *domain = NULL;
	struct zoe_subscriber *subscriber = NULL;
	FILE *file = argc == 4 ? fopen(argv[3], "w") : NULL;
	if (!file)
		return 2;
	int status = zoe_domain_open(NULL, &domain);
	if (status == 0)
		status = zoe_subscriber_open(domain, argv[1], NULL, &subscriber);
	if (status == 0)
		status = copy(subscriber, (unsigned)atoi(argv[2]), file);
	if (status < 0)
		fprintf(stderr, "packets: %s (%s)\n", strerror(-status), zoe_error());
	zoe_subscriber_close(subscriber);
	zoe_domain_close(domain);
	return fclose(file) != 0 || status < 0;
}
