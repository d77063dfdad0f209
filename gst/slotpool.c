/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Buffers are made anew each time and never kept by the pool: which slot is free is the transport's to know. Strides and
 * planes are GStreamer's own, with upstream's alignment, and go into the frame's description as they are.
 */
#include "slotpool.h"

#include <errno.h>

#include "picture.h"

struct _ZoetropeSlotPool {
	GstBufferPool parent;

	struct loaned *loaned;
	GstVideoInfo info; /* planes with the alignment that was asked for */
	GstVideoAlignment alignment;
	GstAllocationParams params;
	gboolean video_meta, aligned;
	gsize bytes;
};

G_DEFINE_TYPE(ZoetropeSlotPool, zoetrope_slot_pool, GST_TYPE_BUFFER_POOL)

static const gchar **get_options(GstBufferPool *pool)
{
	static const gchar *options[] = {GST_BUFFER_POOL_OPTION_VIDEO_META, GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT,
	                                 NULL};
	return options;
}

static gboolean set_config(GstBufferPool *pool, GstStructure *config)
{
	ZoetropeSlotPool *self = ZOETROPE_SLOT_POOL(pool);
	GstCaps *caps = NULL;
	guint size, least, most;

	if (!gst_buffer_pool_config_get_params(config, &caps, &size, &least, &most) || !caps ||
	    !gst_video_info_from_caps(&self->info, caps))
		return FALSE;
	if (!gst_buffer_pool_config_get_allocator(config, NULL, &self->params))
		gst_allocation_params_init(&self->params);
	self->video_meta = gst_buffer_pool_config_has_option(config, GST_BUFFER_POOL_OPTION_VIDEO_META);
	self->aligned =
	    self->video_meta && gst_buffer_pool_config_has_option(config, GST_BUFFER_POOL_OPTION_VIDEO_ALIGNMENT);
	gst_video_alignment_reset(&self->alignment);
	if (self->aligned) {
		gst_buffer_pool_config_get_video_alignment(config, &self->alignment);
		if (!gst_video_info_align(&self->info, &self->alignment))
			return FALSE;
		gst_buffer_pool_config_set_video_alignment(config, &self->alignment);
	}
	self->bytes = MAX(size, GST_VIDEO_INFO_SIZE(&self->info));
	/* as many as wanted: some are slots, the rest is ordinary memory */
	gst_buffer_pool_config_set_params(config, caps, (guint)self->bytes, 0, 0);
	return GST_BUFFER_POOL_CLASS(zoetrope_slot_pool_parent_class)->set_config(pool, config);
}

static gboolean start(GstBufferPool *pool)
{
	return TRUE; /* nothing is allocated in advance */
}

/* Slots begin at a page, or at 64 bytes if they are smaller. */
static gboolean slot_will_do(const ZoetropeSlotPool *self)
{
	gsize align = self->bytes >= 4096 ? 4095 : 63;

	return (self->params.align | align) == align && self->params.prefix == 0;
}

static GstFlowReturn acquire_buffer(GstBufferPool *pool, GstBuffer **out_buffer,
                                    GstBufferPoolAcquireParams *acquire_params)
{
	ZoetropeSlotPool *self = ZOETROPE_SLOT_POOL(pool);
	GstVideoInfo *info = &self->info;
	GstMemory *memory = NULL;
	GstBuffer *buffer = gst_buffer_new();

	if (GST_BUFFER_POOL_IS_FLUSHING(pool)) {
		gst_buffer_unref(buffer);
		return GST_FLOW_FLUSHING;
	}
	if (!slot_will_do(self) || loaned_memory(self->loaned, self->bytes + self->params.padding, FALSE, &memory) < 0)
		memory = gst_allocator_alloc(NULL, self->bytes, &self->params);
	else
		gst_memory_resize(memory, 0, self->bytes);
	gst_buffer_append_memory(buffer, memory);
	if (self->video_meta) {
		GstVideoMeta *meta = gst_buffer_add_video_meta_full(
		    buffer, GST_VIDEO_FRAME_FLAG_NONE, GST_VIDEO_INFO_FORMAT(info), GST_VIDEO_INFO_WIDTH(info),
		    GST_VIDEO_INFO_HEIGHT(info), GST_VIDEO_INFO_N_PLANES(info), info->offset, info->stride);
		if (self->aligned)
			gst_video_meta_set_alignment(meta, self->alignment);
	}
	*out_buffer = buffer;
	return GST_FLOW_OK;
}

static void release_buffer(GstBufferPool *pool, GstBuffer *buffer)
{
	gst_buffer_unref(buffer); /* its memory gives the slot back */
}

static void finalize(GObject *object)
{
	loaned_unref(ZOETROPE_SLOT_POOL(object)->loaned);
	G_OBJECT_CLASS(zoetrope_slot_pool_parent_class)->finalize(object);
}

static void zoetrope_slot_pool_class_init(ZoetropeSlotPoolClass *class)
{
	GstBufferPoolClass *pool = GST_BUFFER_POOL_CLASS(class);

	G_OBJECT_CLASS(class)->finalize = finalize;
	pool->get_options = get_options;
	pool->set_config = set_config;
	pool->start = start;
	pool->acquire_buffer = acquire_buffer;
	pool->release_buffer = release_buffer;
}

static void zoetrope_slot_pool_init(ZoetropeSlotPool *self)
{
	gst_video_info_init(&self->info);
	gst_allocation_params_init(&self->params);
}

GstBufferPool *slotpool_new(struct loaned *loaned)
{
	ZoetropeSlotPool *self = g_object_new(zoetrope_slot_pool_get_type(), NULL);

	self->loaned = loaned_ref(loaned);
	return GST_BUFFER_POOL(gst_object_ref_sink(self));
}

gboolean slotpool_propose(struct loaned *loaned, GstQuery *query)
{
	GstCaps *caps = NULL;
	gboolean need_pool;
	struct picture picture;

	gst_query_parse_allocation(query, &caps, &need_pool);
	if (!caps || !picture_from_caps(caps, &picture) || picture.image.format == ZOE_FORMAT_MJPEG)
		return FALSE;
	guint size = (guint)GST_VIDEO_INFO_SIZE(&picture.raw);
	if (need_pool) {
		GstBufferPool *pool = slotpool_new(loaned);
		GstStructure *config = gst_buffer_pool_get_config(pool);
		gst_buffer_pool_config_set_params(config, caps, size, 0, 0);
		gst_buffer_pool_set_config(pool, config);
		gst_query_add_allocation_pool(query, pool, size, 0, 0);
		gst_object_unref(pool);
	}
	gst_query_add_allocation_meta(query, GST_VIDEO_META_API_TYPE, NULL);
	return TRUE;
}

/* ---- publishing --------------------------------------------------------------------------------------------- */

static int publish_picture(struct loaned *loaned, GstBuffer *buffer, const GstVideoInfo *info,
                           const struct zoe_loan *with, uint64_t *out_seq)
{
	struct zoe_loan described = *with;

	picture_planes(buffer, info, 0, &described.image);
	return loaned_publish(loaned, buffer, &described, out_seq);
}

/* A picture in a slot, its planes where info says. */
static int copy_picture(struct loaned *loaned, GstBuffer *buffer, const GstVideoInfo *info, GstBuffer **out_copy)
{
	GstMemory *memory;
	int status = loaned_memory(loaned, GST_VIDEO_INFO_SIZE(info), TRUE, &memory);

	if (status < 0)
		return status;
	GstBuffer *copy = gst_buffer_new();
	gst_buffer_append_memory(copy, memory);
	if (!picture_copy(copy, buffer, info)) {
		gst_buffer_unref(copy);
		return -EINVAL;
	}
	*out_copy = copy;
	return 0;
}

/* Not in place: it is no slot of ours, or was published before, or the topic has changed its shape meanwhile. */
static gboolean must_copy(int status)
{
	return status == -ENOENT || status == -ESTALE || status == -ENOBUFS || status == -EINVAL;
}

int slotpool_publish(struct loaned *loaned, GstBuffer *buffer, const GstVideoInfo *info, const struct zoe_loan *with,
                     struct slotpool_published *out)
{
	GstBuffer *copy = NULL;
	int status = publish_picture(loaned, buffer, info, with, &out->seq);

	out->copied = must_copy(status);
	if (!out->copied)
		return status;
	do { /* a shape that changes again while we copy: once more, into a slot of the new one */
		status = copy_picture(loaned, buffer, info, &copy);
		if (status < 0)
			return status;
		status = publish_picture(loaned, copy, info, with, &out->seq);
		gst_buffer_unref(copy);
	} while (status == -ESTALE);
	return status;
}

int slotpool_publish_bytes(struct loaned *loaned, GstBuffer *buffer, gsize reserve, const struct zoe_loan *with,
                           struct slotpool_published *out)
{
	gsize size = gst_buffer_get_size(buffer);
	GstMemory *memory;
	int status;

	out->copied = TRUE;
	do {
		/* one that is larger than all before makes the topic change its shape: leave it room */
		status = loaned_memory(loaned, size > reserve ? size + size / 2 : size, TRUE, &memory);
		if (status < 0)
			return status;
		GstBuffer *copy = gst_buffer_new();
		GstMapInfo map;
		gst_memory_resize(memory, 0, size);
		gst_buffer_append_memory(copy, memory);
		gst_memory_map(memory, &map, GST_MAP_WRITE);
		gst_buffer_extract(buffer, 0, map.data, size);
		gst_memory_unmap(memory, &map);
		status = loaned_publish(loaned, copy, with, &out->seq);
		gst_buffer_unref(copy);
	} while (status == -ESTALE);
	return status;
}
