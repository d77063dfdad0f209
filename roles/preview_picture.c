/* SPDX-License-Identifier: Apache-2.0 */
/* Encoded pictures, counted references, and the queue out of which every viewer takes at its own pace. See preview.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "preview.h"

struct picture *picture_create(const void *data, size_t size)
{
	struct picture *picture = malloc(sizeof(*picture) + size);
	if (!picture)
		return NULL;
	*picture = (struct picture){.references = 1, .size = size};
	memcpy(picture->data, data, size);
	return picture;
}

struct picture *picture_hold(struct picture *picture)
{
	picture->references++;
	return picture;
}

void picture_drop(struct picture *picture)
{
	if (picture && --picture->references == 0)
		free(picture);
}

void picture_queue_put(struct picture_queue *queue, struct picture *picture)
{
	struct picture **place = &queue->ring[queue->count % PREVIEW_QUEUE];
	picture_drop(*place);
	*place = picture;
	queue->count++;
}

void picture_queue_empty(struct picture_queue *queue)
{
	for (size_t i = 0; i < PREVIEW_QUEUE; i++) {
		picture_drop(queue->ring[i]);
		queue->ring[i] = NULL;
	}
}

struct picture *picture_queue_next(const struct picture_queue *queue, uint64_t *cursor)
{
	if (*cursor >= queue->count)
		return NULL;
	if (queue->count - *cursor > PREVIEW_QUEUE)
		*cursor = queue->count - 1;
	struct picture *picture = queue->ring[*cursor % PREVIEW_QUEUE];
	if (!picture) { /* emptied since */
		*cursor = queue->count;
		return NULL;
	}
	(*cursor)++;
	return picture_hold(picture);
}

static size_t picture_time(char *out, size_t room, const char *name, int64_t ns)
{
	return (size_t)snprintf(out, room, "X-Zoetrope-%s: %.6f\r\n", name, (double)ns / 1e9);
}

size_t picture_headers(const struct picture *picture, char *out, size_t room, int64_t send_ns)
{
	size_t used = (size_t)snprintf(out, room, "X-Zoetrope-Camera: %s\r\nX-Zoetrope-Sequence: %llu\r\n",
	                               picture->camera, (unsigned long long)picture->seq);
	used += picture_time(out + used, room - used, "Capture-Time", picture->capture_ns);
	used += picture_time(out + used, room - used, "Publish-Time", picture->publish_ns);
	used += picture_time(out + used, room - used, "Encode-Begin", picture->encode_begin_ns);
	used += picture_time(out + used, room - used, "Encode-End", picture->encode_end_ns);
	used += picture_time(out + used, room - used, "Send-Time", send_ns);
	if (*picture->away)
		used += (size_t)snprintf(out + used, room - used, "X-Zoetrope-State: %s\r\n", picture->away);
	if (picture->has_result) {
		used += (size_t)snprintf(out + used, room - used, "X-Zoetrope-Result-Sequence: %llu\r\n",
		                         (unsigned long long)picture->result_seq);
		used += picture_time(out + used, room - used, "Result-Age", picture->result_age_ns);
	}
	return used;
}
