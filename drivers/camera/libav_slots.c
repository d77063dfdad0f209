/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slots of shared memory as the decoder's buffers: each buffer is a loan, and goes back when nobody in this process
 * refers to it any more. When loans run short the decoder gets private memory: one that is refused buffers never
 * recovers.
 *
 * Buffers are read-only to libavcodec's reference counting. Decoders that change a picture in place (reget_buffer) do
 * so only if it is writable, and copy it otherwise; a published slot must not change.
 */
#include "libav.h"

#include <libavutil/imgutils.h>

#define PLANE_SPARE 16 /* libavcodec's own pool has that much behind each plane; optimised code may touch it */
#define PLANE_ALIGN 64

enum slot_state { SLOT_LOANED, SLOT_KEPT, SLOT_GONE };

struct slot_buffer {
	struct slot_pool *pool;
	struct slot_buffer *next; /* in pool->live */
	const uint8_t *data;
	struct zoe_loan loan;
	enum slot_state state;
};

static void slot_buffer_free(void *opaque, uint8_t *data)
{
	struct slot_buffer *buffer = opaque, **link = &buffer->pool->live;
	while (*link != buffer)
		link = &(*link)->next;
	*link = buffer->next;
	if (buffer->state == SLOT_LOANED)
		zoe_discard(buffer->pool->publisher, &buffer->loan);
	else if (buffer->state == SLOT_KEPT)
		zoe_unkeep(buffer->pool->publisher, &buffer->loan);
	av_free(buffer);
}

/* As libavcodec's default pool does it, so that private buffers have the same rows (some decoders cannot change them).
 */
static int layout_make(AVCodecContext *codec, const AVFrame *frame, struct slot_layout *out)
{
	struct slot_layout layout = {.width = frame->width, .height = frame->height, .format = frame->format};
	int aligns[AV_NUM_DATA_POINTERS] = {0}, width = frame->width, height = frame->height;
	avcodec_align_dimensions2(codec, &width, &height, aligns);
	for (bool unaligned = true; unaligned; width += width & ~(width - 1)) {
		int status = av_image_fill_linesizes(layout.strides, layout.format, width);
		if (status < 0)
			return status;
		unaligned = false;
		for (int i = 0; i < 4; i++)
			unaligned |= aligns[i] && layout.strides[i] % aligns[i] != 0;
	}
	ptrdiff_t strides[4] = {layout.strides[0], layout.strides[1], layout.strides[2], layout.strides[3]};
	size_t sizes[4];
	int status = av_image_fill_plane_sizes(sizes, layout.format, height, strides);
	if (status < 0)
		return status;
	for (int i = 0; i < 4 && sizes[i]; i++) {
		layout.offsets[i] = layout.bytes;
		layout.bytes += (sizes[i] + PLANE_SPARE + PLANE_ALIGN - 1) & ~(size_t)(PLANE_ALIGN - 1);
	}
	*out = layout;
	return 0;
}

static struct slot_buffer *slot_buffer_create(struct slot_pool *pool, size_t bytes)
{
	struct slot_buffer *buffer = av_mallocz(sizeof(*buffer));
	if (!buffer)
		return NULL;
	buffer->pool = pool;
	if (zoe_loan(pool->publisher, bytes, &buffer->loan) < 0) {
		av_free(buffer);
		return NULL;
	}
	buffer->data = buffer->loan.data;
	buffer->next = pool->live;
	pool->live = buffer;
	return buffer;
}

int slot_pool_get_buffer(AVCodecContext *codec, AVFrame *frame, int flags)
{
	struct slot_pool *pool = codec->opaque;
	struct slot_layout *layout = &pool->layout;
	if (!(codec->codec->capabilities & AV_CODEC_CAP_DR1))
		return avcodec_default_get_buffer2(codec, frame, flags);
	if (layout->width != frame->width || layout->height != frame->height || layout->format != frame->format) {
		int status = layout_make(codec, frame, layout);
		if (status < 0)
			return status;
	}
	struct slot_buffer *buffer = pool->publisher ? slot_buffer_create(pool, layout->bytes) : NULL;
	if (!buffer) {
		pool->in_private++;
		return avcodec_default_get_buffer2(codec, frame, flags);
	}
	uint8_t *data = buffer->loan.data;
	frame->buf[0] = av_buffer_create(data, layout->bytes, slot_buffer_free, buffer, AV_BUFFER_FLAG_READONLY);
	if (!frame->buf[0]) {
		slot_buffer_free(buffer, data);
		return AVERROR(ENOMEM);
	}
	for (int i = 0; i < 4 && layout->strides[i]; i++) {
		frame->data[i] = data + layout->offsets[i];
		frame->linesize[i] = layout->strides[i];
	}
	frame->extended_data = frame->data;
	pool->in_slots++;
	return 0;
}

/* Private buffers come from libavcodec's pool and have another owner's opaque pointer, so ours are told by address. */
static struct slot_buffer *slot_buffer_of(const struct slot_pool *pool, const AVFrame *frame)
{
	struct slot_buffer *buffer = pool->live;
	while (buffer && (!frame->buf[0] || buffer->data != frame->buf[0]->data))
		buffer = buffer->next;
	return buffer;
}

struct zoe_loan *slot_pool_loan(const struct slot_pool *pool, const AVFrame *frame)
{
	struct slot_buffer *buffer = slot_buffer_of(pool, frame);
	return buffer && buffer->state == SLOT_LOANED ? &buffer->loan : NULL;
}

int slot_pool_publish(struct slot_pool *pool, const AVFrame *frame, uint64_t *out_seq)
{
	struct slot_buffer *buffer = slot_buffer_of(pool, frame);
	bool alone = av_buffer_get_ref_count(frame->buf[0]) == 1;
	int status = alone ? zoe_publish(pool->publisher, &buffer->loan, out_seq)
	                   : zoe_publish_keep(pool->publisher, &buffer->loan, out_seq);
	if (status == 0)
		buffer->state = alone ? SLOT_GONE : SLOT_KEPT;
	return status;
}
