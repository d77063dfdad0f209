/* SPDX-License-Identifier: Apache-2.0 */
/* The buffers of a V4L2 device: the kernel's own, mapped (MMAP), or ours, that it writes into (USERPTR). */
#include "v4l2.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define STALE_NS 10000000000 /* a time stamp older than that is of another clock */

/* What VIDIOC_*BUF takes, with its planes if the device has several. */
struct request {
	struct v4l2_buffer buffer;
	struct v4l2_plane planes[VIDEO_MAX_PLANES];
};

static void request_fill(const struct v4l2_queue *queue, unsigned index, struct request *out)
{
	*out = (struct request){.buffer = {.index = index, .type = queue->device->type, .memory = queue->memory}};
	if (queue->device->planes) {
		out->buffer.m.planes = out->planes;
		out->buffer.length = queue->memory_planes;
	}
}

static int map_one(const struct v4l2_queue *queue, size_t bytes, uint32_t offset, void **out)
{
	*out = mmap(NULL, bytes, PROT_READ, MAP_SHARED, queue->device->fd, offset);
	if (*out != MAP_FAILED)
		return 0;
	*out = NULL;
	return -errno;
}

static int map_buffer(struct v4l2_queue *queue, unsigned index)
{
	struct v4l2_buffer_memory *buffer = &queue->buffers[index];
	struct request request;
	request_fill(queue, index, &request);
	int status = v4l2_ioctl(queue->device, VIDIOC_QUERYBUF, &request.buffer);
	for (unsigned i = 0; i < queue->memory_planes && status == 0; i++) {
		bool planes = queue->device->planes;
		buffer->bytes[i] = planes ? request.planes[i].length : request.buffer.length;
		status = map_one(queue, buffer->bytes[i],
		                 planes ? request.planes[i].m.mem_offset : request.buffer.m.offset, &buffer->data[i]);
	}
	return status;
}

int v4l2_queue_open(struct v4l2_queue *queue, const struct v4l2_device *device, uint32_t memory,
                    const struct v4l2_choice *choice)
{
	struct v4l2_requestbuffers wanted = {.count = V4L2_BUFFERS, .type = device->type, .memory = memory};
	*queue = (struct v4l2_queue){.device = device, .memory = memory, .memory_planes = choice->memory_planes};
	int status = v4l2_ioctl(device, VIDIOC_REQBUFS, &wanted);
	if (status == 0 && (wanted.count == 0 || wanted.count > V4L2_BUFFERS_MAX))
		status = -ENOMEM;
	if (status < 0)
		return status;
	queue->count = wanted.count;
	for (unsigned i = 0; i < queue->count && memory == V4L2_MEMORY_MMAP && status == 0; i++)
		status = map_buffer(queue, i);
	if (status < 0)
		v4l2_queue_close(queue);
	return status;
}

void v4l2_queue_close(struct v4l2_queue *queue)
{
	if (!queue->device)
		return;
	int type = (int)queue->device->type;
	/* Also if it never streamed: buffers that were given come back by it. */
	v4l2_ioctl(queue->device, VIDIOC_STREAMOFF, &type);
	for (unsigned i = 0; i < queue->count && queue->memory == V4L2_MEMORY_MMAP; i++)
		for (unsigned plane = 0; plane < queue->memory_planes; plane++)
			if (queue->buffers[i].data[plane])
				munmap(queue->buffers[i].data[plane], queue->buffers[i].bytes[plane]);
	struct v4l2_requestbuffers none = {.type = queue->device->type, .memory = queue->memory};
	v4l2_ioctl(queue->device, VIDIOC_REQBUFS, &none);
	*queue = (struct v4l2_queue){0};
}

int v4l2_queue_give(struct v4l2_queue *queue, unsigned index)
{
	struct v4l2_buffer_memory *buffer = &queue->buffers[index];
	struct request request;
	request_fill(queue, index, &request);
	bool user = queue->memory == V4L2_MEMORY_USERPTR;
	for (unsigned i = 0; i < queue->memory_planes && user && queue->device->planes; i++) {
		request.planes[i].m.userptr = (unsigned long)buffer->data[i];
		request.planes[i].length = (uint32_t)buffer->bytes[i];
	}
	if (user && !queue->device->planes) {
		request.buffer.m.userptr = (unsigned long)buffer->data[0];
		request.buffer.length = (uint32_t)buffer->bytes[0];
	}
	int status = v4l2_ioctl(queue->device, VIDIOC_QBUF, &request.buffer);
	buffer->queued = status == 0;
	return status;
}

int v4l2_queue_start(struct v4l2_queue *queue)
{
	int type = (int)queue->device->type;
	int status = v4l2_ioctl(queue->device, VIDIOC_STREAMON, &type);
	queue->streaming = status == 0;
	return status;
}

/* The kernel's time of the picture if it is of our clock, else now. */
static int64_t capture_time(const struct v4l2_buffer *buffer)
{
	int64_t now_ns = zoe_now_ns();
	int64_t at_ns = (int64_t)buffer->timestamp.tv_sec * 1000000000 + (int64_t)buffer->timestamp.tv_usec * 1000;
	bool ours = (buffer->flags & V4L2_BUF_FLAG_TIMESTAMP_MASK) == V4L2_BUF_FLAG_TIMESTAMP_MONOTONIC;
	return ours && at_ns <= now_ns && now_ns - at_ns < STALE_NS ? at_ns : now_ns;
}

int v4l2_queue_take(struct v4l2_queue *queue, struct v4l2_filled *out)
{
	struct request request;
	request_fill(queue, 0, &request);
	int status = v4l2_ioctl(queue->device, VIDIOC_DQBUF, &request.buffer);
	if (status < 0)
		return status;
	if (request.buffer.index >= queue->count)
		return -EIO;
	queue->buffers[request.buffer.index].queued = false;
	*out = (struct v4l2_filled){.index = request.buffer.index,
	                            .sequence = request.buffer.sequence,
	                            .capture_ns = capture_time(&request.buffer),
	                            .damaged = request.buffer.flags & V4L2_BUF_FLAG_ERROR,
	                            .key = request.buffer.flags & V4L2_BUF_FLAG_KEYFRAME,
	                            .bytes =
	                                queue->device->planes ? request.planes[0].bytesused : request.buffer.bytesused};
	return 0;
}
