/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The camera that plays a file: any video or picture that libavformat and libavcodec read. Frames are paced by their
 * time stamps, or by the rate that is wanted; a picture is shown again and again. Decoded straight into slots where the
 * decoder can (libav_slots.c), else copied or converted into one (libav_picture.c).
 *
 * The decoder runs in one thread, so that its buffers come and go on the loop's thread. Nothing but local files is
 * read: a playlist or a strange name cannot make libavformat open a network address.
 */
#include "libav.h"

#include <errno.h>
#include <libavutil/imgutils.h>
#include <libavutil/pixdesc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define PICTURE_FPS       5    /* of a single picture, unless wanted otherwise */
#define VIDEO_FPS         25   /* of a video that does not say */
#define BARREN_PACKETS    2000 /* so many packets without a picture: the file is damaged */
#define DECODER_SLOTS_MIN 8    /* loans and keeps: most codecs need fewer */
#define DECODER_SLOTS_MAX 32   /* as many as the library allows */

struct file_camera {
	char *path; /* as told to people */
	char *url;  /* "file:" and the path */
	struct camera_request request;
	AVFormatContext *format;
	AVCodecContext *codec;
	AVPacket *packet;
	AVFrame *frame; /* decoded, not yet published, if have_frame */
	int stream;
	bool have_frame;
	bool picture;         /* one picture, not a video */
	uint64_t pass_frames; /* decoded since the file's beginning */

	struct slot_pool pool;
	struct picture_plan plan;
	struct SwsContext *scaler;
	struct zoe_loan spare; /* for copies; always held, or the decoder would take the last one. data is NULL: none */
	bool copied;           /* the frame is in spare, ready to be published */
	struct zoe_publisher *publisher;

	double fps;
	int64_t frame_ns;
	uint64_t count;    /* frames since it was opened */
	int64_t first_ts;  /* of this pass through the file */
	int64_t offset_ns; /* where this pass begins */
	int64_t at_ns;     /* of the frame before, -frame_ns at the beginning */
};

/* ---- opening ------------------------------------------------------------------------------------------------- */

static int fail(const struct file_camera *file, char *error, int status, const char *what, int av_status)
{
	char reason[AV_ERROR_MAX_STRING_SIZE] = "";
	if (av_status)
		av_strerror(av_status, reason, sizeof(reason));
	snprintf(error, CAMERA_ERROR_BYTES, "file '%s' %s%s%s", file->path, what, av_status ? ": " : "", reason);
	return status;
}

/* What libavformat would say less clearly, or not at all: it waits for a FIFO's writer, and reads devices for ever. */
static int check_path(const struct file_camera *file, char *error)
{
	struct stat status;
	if (!*file->path) {
		snprintf(error, CAMERA_ERROR_BYTES, "source 'file:' names no file; wanted file:PATH");
		return -EINVAL;
	}
	if (stat(file->path, &status) < 0) {
		int code = errno;
		return fail(file, error, -code, code == ENOENT ? "does not exist" : "cannot be looked at",
		            code == ENOENT ? 0 : AVERROR(code));
	}
	if (S_ISDIR(status.st_mode))
		return fail(file, error, -EISDIR, "is a directory; wanted a video or a picture", 0);
	if (!S_ISREG(status.st_mode))
		return fail(file, error, -EINVAL, "is not a regular file; wanted a video or a picture", 0);
	if (status.st_size == 0)
		return fail(file, error, -EINVAL, "is empty; wanted a video or a picture", 0);
	return 0;
}

static int open_format(struct file_camera *file, char *error)
{
	AVDictionary *options = NULL;
	av_dict_set(&options, "protocol_whitelist", "file", 0);
	av_dict_set(&options, "pattern_type", "none", 0); /* "a%03d.jpg" is that file and no sequence of others */
	int status = avformat_open_input(&file->format, file->url, NULL, &options);
	av_dict_free(&options);
	if (status == AVERROR(EACCES))
		return fail(file, error, -EACCES, "must not be read by this user; permission was denied", 0);
	if (status < 0)
		return fail(file, error, -EINVAL, "is neither a video nor a picture that can be read", status);
	return 0;
}

/* Text shown as a terminal would is a video to libavformat, and music may have a cover. Neither is meant. */
static bool is_moving_picture(const AVStream *stream)
{
	switch (stream->codecpar->codec_id) {
	case AV_CODEC_ID_ANSI:
	case AV_CODEC_ID_BINTEXT:
	case AV_CODEC_ID_XBIN:
	case AV_CODEC_ID_IDF:
		return false;
	default:
		return !(stream->disposition & AV_DISPOSITION_ATTACHED_PIC);
	}
}

static int find_stream(struct file_camera *file, const AVCodec **out_decoder, char *error)
{
	int status = avformat_find_stream_info(file->format, NULL);
	if (status < 0)
		return fail(file, error, -EINVAL, "is damaged or cut short", status);
	int stream = av_find_best_stream(file->format, AVMEDIA_TYPE_VIDEO, -1, -1, out_decoder, 0);
	if (stream == AVERROR_DECODER_NOT_FOUND)
		return fail(file, error, -ENOSYS, "has a video that no decoder of this libavcodec reads", 0);
	if (stream < 0 || !is_moving_picture(file->format->streams[stream]))
		return fail(file, error, -EINVAL, "has no video in it", 0);
	file->stream = stream;
	const char *name = file->format->iformat->name;
	size_t length = strlen(name);
	file->picture = strcmp(name, "image2") == 0 || (length > 5 && strcmp(name + length - 5, "_pipe") == 0);
	return 0;
}

static int open_codec(struct file_camera *file, const AVCodec *decoder, char *error)
{
	file->codec = avcodec_alloc_context3(decoder);
	if (!file->codec)
		return fail(file, error, -ENOMEM, "cannot be opened: no memory", 0);
	int status = avcodec_parameters_to_context(file->codec, file->format->streams[file->stream]->codecpar);
	file->codec->thread_count = 1;
	if (file->picture)
		file->codec->err_recognition = AV_EF_EXPLODE; /* half a picture is an error, half a video is not */
	file->codec->pkt_timebase = file->format->streams[file->stream]->time_base;
	file->codec->opaque = &file->pool;
	file->codec->get_buffer2 = slot_pool_get_buffer;
	if (status >= 0)
		status = avcodec_open2(file->codec, decoder, NULL);
	if (status < 0)
		return fail(file, error, -EINVAL, "cannot be decoded", status);
	return 0;
}

/* ---- decoding ------------------------------------------------------------------------------------------------ */

/* Begin the file anew. The decoder stays, with what it knows of the stream. */
static int rewind_file(struct file_camera *file, char *error)
{
	avformat_close_input(&file->format);
	int status = check_path(file, error);
	if (status == 0)
		status = open_format(file, error);
	if (status < 0)
		return status;
	if (file->stream >= (int)file->format->nb_streams) {
		/* Formats without a table of contents name their streams only once they are read. */
		const AVCodec *decoder;
		status = find_stream(file, &decoder, error);
		if (status < 0)
			return status;
	}
	avcodec_flush_buffers(file->codec);
	file->pass_frames = 0;
	file->first_ts = AV_NOPTS_VALUE;
	file->offset_ns = file->at_ns + file->frame_ns;
	return 0;
}

/* Give the decoder one packet of our stream, or the end. Returns 0 | -EIO. */
static int feed(struct file_camera *file, char *error)
{
	for (;;) {
		int status = av_read_frame(file->format, file->packet);
		if (status == AVERROR(EIO))
			return fail(file, error, -EIO, "cannot be read any further", status);
		if (status < 0) {
			avcodec_send_packet(file->codec, NULL);
			return 0;
		}
		bool ours = file->packet->stream_index == file->stream;
		if (ours)
			avcodec_send_packet(file->codec, file->packet); /* a damaged packet is passed over */
		av_packet_unref(file->packet);
		if (ours)
			return 0;
	}
}

/* The next picture into file->frame. Returns 0 | -ENODATA (end of the file) | -EIO. */
static int decode(struct file_camera *file, char *error)
{
	for (unsigned barren = 0; barren < BARREN_PACKETS; barren++) {
		int status = avcodec_receive_frame(file->codec, file->frame);
		if (status == 0) {
			file->pass_frames++;
			file->have_frame = true;
			return 0;
		}
		if (status == AVERROR_EOF && file->pass_frames == 0)
			break;
		if (status == AVERROR_EOF)
			return -ENODATA;
		status = feed(file, error);
		if (status < 0)
			return status;
	}
	return fail(file, error, -EIO, "gave no picture: it is damaged or cut short", 0);
}

static int decode_looping(struct file_camera *file, char *error)
{
	int status = decode(file, error);
	if (status != -ENODATA || !file->request.loop)
		return status;
	status = rewind_file(file, error);
	return status < 0 ? status : decode(file, error);
}

/* ---- frames -------------------------------------------------------------------------------------------------- */

/* When the frame is due, from the source's time 0. */
static int64_t frame_time(struct file_camera *file)
{
	const AVStream *stream = file->format->streams[file->stream];
	int64_t ts = file->frame->best_effort_timestamp;
	if (file->request.fps > 0 || file->picture)
		return (int64_t)((double)file->count * 1e9 / file->fps);
	if (file->first_ts == AV_NOPTS_VALUE && ts != AV_NOPTS_VALUE) /* frames before it may have had no time */
		file->first_ts = ts - av_rescale_q(file->at_ns + file->frame_ns - file->offset_ns,
		                                   (AVRational){1, 1000000000}, stream->time_base);
	int64_t at = ts == AV_NOPTS_VALUE ? INT64_MIN
	                                  : file->offset_ns + av_rescale_q(ts - file->first_ts, stream->time_base,
	                                                                   (AVRational){1, 1000000000});
	return at > file->at_ns ? at : file->at_ns + file->frame_ns;
}

static int take_spare(struct file_camera *file)
{
	if (file->spare.data)
		return 0;
	int status = zoe_loan(file->publisher, file->plan.size, &file->spare);
	if (status < 0)
		file->spare = (struct zoe_loan){0};
	return status;
}

/* Copy or convert the decoded picture into a slot. Returns 0 | -errno of zoe_loan() | -EINVAL (swscale cannot). */
static int make_copy(struct file_camera *file)
{
	int status = take_spare(file);
	if (status == 0)
		status = picture_write(&file->plan, file->frame, &file->scaler, file->spare.data);
	file->copied = status == 0;
	return status;
}

/* The loan that the picture was decoded into, if it can be published as it is. */
static struct zoe_loan *direct_loan(struct file_camera *file)
{
	struct zoe_loan *loan = slot_pool_loan(&file->pool, file->frame);
	bool upright = file->frame->linesize[0] > 0; /* some decoders write the lowest row first */
	return loan && upright && picture_fits(&file->plan, file->frame) ? loan : NULL;
}

static int file_next(void *state, struct camera_pace *pace, int64_t *out_due_ns, char *error)
{
	struct file_camera *file = state;
	if (!file->have_frame || (file->picture && file->count > 0 && !file->request.loop)) {
		int status = file->picture ? -ENODATA : decode_looping(file, error);
		if (status < 0)
			return status;
	}
	file->at_ns = frame_time(file);
	file->count++;
	*out_due_ns = camera_pace_due(pace, file->at_ns);
	if (!direct_loan(file))
		make_copy(file); /* without a slot now, publish() tries again */
	return 0;
}

static int publish_direct(struct file_camera *file, struct zoe_loan *loan, int64_t capture_ns, uint64_t *out_seq)
{
	loan->image = file->plan.image;
	loan->capture_ns = capture_ns;
	for (unsigned i = 0; i < loan->image.plane_count; i++)
		loan->image.planes[i] = (struct zoe_plane){
		    .offset = (uint64_t)(file->frame->data[i] - (const uint8_t *)loan->data),
		    .stride = (uint32_t)file->frame->linesize[i],
		};
	return slot_pool_publish(&file->pool, file->frame, out_seq);
}

static int publish_copy(struct file_camera *file, int64_t capture_ns, uint64_t *out_seq)
{
	int status = file->copied ? 0 : make_copy(file);
	if (status < 0)
		return status;
	file->spare.image = file->plan.image;
	file->spare.capture_ns = capture_ns;
	status = zoe_publish(file->publisher, &file->spare, out_seq);
	file->copied = false;
	take_spare(file); /* if not now, then for the next copy */
	return status;
}

static int file_publish(void *state, int64_t capture_ns, uint64_t *out_seq)
{
	struct file_camera *file = state;
	struct zoe_loan *loan = file->copied ? NULL : direct_loan(file);
	int status = loan ? publish_direct(file, loan, capture_ns, out_seq) : -ENOBUFS;
	if (status < 0)
		status = publish_copy(file, capture_ns, out_seq);
	if (!file->picture) {
		av_frame_unref(file->frame);
		file->have_frame = false;
	}
	return status;
}

/* ---- the driver ---------------------------------------------------------------------------------------------- */

static void file_close(void *state)
{
	struct file_camera *file = state;
	if (!file)
		return;
	if (file->spare.data)
		zoe_discard(file->publisher, &file->spare);
	av_frame_free(&file->frame);
	av_packet_free(&file->packet);
	avcodec_free_context(&file->codec); /* gives the slots back */
	avformat_close_input(&file->format);
	sws_freeContext(file->scaler);
	free(file->url);
	free(file->path);
	free(file);
}

static double own_fps(const struct file_camera *file)
{
	AVRational rate = av_guess_frame_rate(file->format, file->format->streams[file->stream], NULL);
	double fps = rate.num > 0 && rate.den > 0 ? av_q2d(rate) : VIDEO_FPS;
	return file->picture ? PICTURE_FPS : fps > 1000 ? 1000 : fps;
}

static unsigned decoder_slots(int wanted)
{
	return wanted < DECODER_SLOTS_MIN   ? DECODER_SLOTS_MIN
	       : wanted > DECODER_SLOTS_MAX ? DECODER_SLOTS_MAX
	                                    : (unsigned)wanted;
}

/* The first picture is decoded already, into private memory: it tells what containers often get wrong. */
static int describe(struct file_camera *file, struct camera_mode *out_mode, char *error)
{
	const struct camera_request *request = &file->request;
	int status = picture_plan(file->frame, request->width, request->height, &file->plan, error);
	if (status < 0)
		return status;
	file->fps = request->fps > 0 ? request->fps : own_fps(file);
	file->frame_ns = (int64_t)(1e9 / file->fps);
	file->at_ns = -file->frame_ns;
	*out_mode = (struct camera_mode){
	    .image = file->plan.image,
	    .fps = file->fps,
	    .slot_bytes = file->plan.size,
	    .loans = file->plan.convert || file->picture ? 2 : decoder_slots(file->codec->has_b_frames + 5),
	    .keeps = file->plan.convert || file->picture ? 0 : decoder_slots(file->codec->refs + 2),
	};
	if (!file->plan.convert && file->pool.layout.bytes > file->plan.size)
		out_mode->slot_bytes = file->pool.layout.bytes;
	char name[5];
	zoe_format_name(file->plan.image.format, name);
	if (file->plan.convert)
		snprintf(out_mode->note, sizeof(out_mode->note), "%s of %dx%d is converted to %s of %ux%u",
		         av_get_pix_fmt_name(file->frame->format), file->frame->width, file->frame->height, name,
		         file->plan.image.width, file->plan.image.height);
	return 0;
}

static int file_open(const struct camera_request *request, struct camera_mode *out_mode, void **out_state, char *error)
{
	av_log_set_level(AV_LOG_QUIET); /* what is wrong is said in one sentence, by us */
	struct file_camera *file = calloc(1, sizeof(*file));
	int status = -ENOMEM;
	if (!file)
		goto fail;
	file->request = *request;
	file->first_ts = AV_NOPTS_VALUE;
	file->path = strdup(request->source);
	file->frame = av_frame_alloc();
	file->packet = av_packet_alloc();
	if (!file->path || asprintf(&file->url, "file:%s", file->path) < 0 || !file->frame || !file->packet)
		goto fail;
	const AVCodec *decoder = NULL;
	status = check_path(file, error);
	if (status == 0)
		status = open_format(file, error);
	if (status == 0)
		status = find_stream(file, &decoder, error);
	if (status == 0)
		status = open_codec(file, decoder, error);
	if (status == 0)
		status = decode(file, error);
	if (status == 0)
		status = describe(file, out_mode, error);
	if (status < 0)
		goto fail;
	*out_state = file;
	return 0;
fail:
	file_close(file);
	if (status == -ENOMEM)
		snprintf(error, CAMERA_ERROR_BYTES, "file '%s': no memory", request->source);
	return status == -ENODATA ? -EINVAL : status;
}

static void file_attach(void *state, struct zoe_publisher *publisher)
{
	struct file_camera *file = state;
	file->publisher = publisher;
	take_spare(file);
	if (!file->plan.convert && !file->picture)
		file->pool.publisher = publisher;
}

const struct camera_driver camera_file = {
    .scheme = "file",
    .open = file_open,
    .attach = file_attach,
    .next = file_next,
    .publish = file_publish,
    .close = file_close,
};
