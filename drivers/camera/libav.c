/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The camera of everything that libavformat and libavcodec read: files (videos and pictures), RTSP and HTTP. Frames of
 * a file are paced by their time stamps, or by the rate that is wanted; a picture is shown again and again; those of a
 * live source are due when they come. Decoded straight into slots where the decoder can (libav_slots.c), else copied or
 * converted into one (libav_picture.c). libav_open.c opens sources, libav_packets.c publishes what is decoded.
 *
 * The decoder runs in one thread, so that its buffers come and go on the thread that calls the driver.
 */
#include "libav.h"

#include <errno.h>
#include <libavutil/pixdesc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PICTURE_FPS       5    /* of a single picture, unless wanted otherwise */
#define FETCH_FPS         2    /* of one that the network gives anew: a camera's web server is slow */
#define VIDEO_FPS         25   /* of a video that does not say */
#define LIVE_FPS_MOST     240  /* what is more is the clock of the time stamps, taken for a rate */
#define BARREN_PACKETS    2000 /* so many packets without a picture: the source is damaged */
#define DECODER_SLOTS_MIN 8    /* loans and keeps: most codecs need fewer */
#define DECODER_SLOTS_MAX 32   /* as many as the library allows */

/* ---- decoding ------------------------------------------------------------------------------------------------ */

/* Begin the file anew. The decoder stays, with what it knows of the stream. */
static int rewind_input(struct libav_camera *camera, char *error)
{
	int status = libav_reopen_input(camera, error);
	if (status < 0)
		return status;
	avcodec_flush_buffers(camera->codec);
	camera->pass_frames = 0;
	camera->first_ts = AV_NOPTS_VALUE;
	camera->offset_ns = camera->at_ns + camera->frame_ns;
	return 0;
}

static void note_arrival(struct libav_camera *camera, int64_t when_ns)
{
	unsigned place = camera->arrived++ % LIBAV_ARRIVALS;
	camera->arrivals[place].pts = camera->packet->pts;
	camera->arrivals[place].when_ns = when_ns;
}

/* When the packet came that the frame was decoded from. */
static int64_t arrival_of(const struct libav_camera *camera)
{
	unsigned kept = camera->arrived < LIBAV_ARRIVALS ? camera->arrived : LIBAV_ARRIVALS;
	for (unsigned i = 1; i <= kept; i++) {
		unsigned place = (camera->arrived - i) % LIBAV_ARRIVALS;
		if (camera->arrivals[place].pts == camera->frame->pts && camera->frame->pts != AV_NOPTS_VALUE)
			return camera->arrivals[place].when_ns;
	}
	return zoe_now_ns();
}

/* There is no more to read. A file that ends in the middle is played to there. */
static int input_ended(struct libav_camera *camera, int av_status, char *error)
{
	if (av_status == AVERROR_EXIT && atomic_load(&camera->request.interrupt->set))
		return -EINTR;
	if (camera->live && av_status == AVERROR_EOF)
		return -ENODATA;
	if (camera->live)
		return libav_fail(camera, error, -EIO, "broke off", av_status);
	if (av_status == AVERROR(EIO))
		return libav_fail(camera, error, -EIO, "cannot be read any further", av_status);
	avcodec_send_packet(camera->codec, NULL);
	return 0;
}

/* Give the decoder one packet of our stream, or the end. Returns 0 | -EINTR | -ENODATA | -EIO. */
static int feed(struct libav_camera *camera, char *error)
{
	for (;;) {
		int status = av_read_frame(camera->format, camera->packet);
		if (status == AVERROR(EAGAIN))
			continue;
		if (status < 0)
			return input_ended(camera, status, error);
		bool ours = camera->packet->stream_index == camera->stream;
		if (ours) {
			int64_t now_ns = zoe_now_ns();
			note_arrival(camera, now_ns);
			libav_packet_publish(camera, now_ns);
			libav_jpeg_keep(camera, now_ns);
			if (!camera->passed)
				avcodec_send_packet(camera->codec, camera->packet); /* a damaged one is passed over */
		}
		av_packet_unref(camera->packet);
		if (ours)
			return 0;
	}
}

/* Fetch a picture that lies in the memory of a decoding device. */
static int download(struct libav_camera *camera)
{
	if (!camera->frame->hw_frames_ctx)
		return 0;
	AVFrame *here = av_frame_alloc();
	int status = here ? av_hwframe_transfer_data(here, camera->frame, 0) : AVERROR(ENOMEM);
	if (status >= 0)
		status = av_frame_copy_props(here, camera->frame);
	if (status >= 0) {
		av_frame_unref(camera->frame);
		av_frame_move_ref(camera->frame, here);
	}
	av_frame_free(&here);
	return status;
}

static int make_upright(struct libav_camera *camera)
{
	camera->turn = picture_turn(camera->format->streams[camera->stream], camera->frame);
	if (!camera->turn.degrees && !camera->turn.mirrored)
		return 0;
	return picture_make_upright(camera->frame, &camera->turn, &camera->upright_scaler);
}

/* The next picture into camera->frame. Returns 0 | -ENODATA (end of the file) | -EINTR | -EIO. */
static int decode(struct libav_camera *camera, char *error)
{
	for (unsigned barren = 0; barren < BARREN_PACKETS; barren++) {
		int status = avcodec_receive_frame(camera->codec, camera->frame);
		if (status == 0)
			status = download(camera);
		if (status == 0)
			status = make_upright(camera);
		if (status == 0)
			status = picture_crop(camera->frame, &camera->request);
		if (status == 0) {
			camera->pass_frames++;
			camera->have_frame = true;
			return 0;
		}
		if (status == AVERROR_EOF && camera->pass_frames == 0)
			break;
		if (status == AVERROR_EOF)
			return -ENODATA;
		status = feed(camera, error);
		if (status < 0)
			return status;
	}
	return libav_fail(camera, error, -EIO, "gave no picture: it is damaged or cut short", 0);
}

static int decode_looping(struct libav_camera *camera, char *error)
{
	int status = decode(camera, error);
	if (status != -ENODATA || !camera->request.loop)
		return status;
	status = rewind_input(camera, error);
	return status < 0 ? status : decode(camera, error);
}

/* Ask for the picture once more, when it is time. One that is cut short is passed over: the camera was just writing it. */
static int fetch(struct libav_camera *camera, char *error)
{
	int status;
	do {
		int64_t now_ns = zoe_now_ns();
		status = camera_interrupt_wait(camera->request.interrupt, camera->at_ns);
		camera->at_ns = (camera->at_ns > now_ns - camera->frame_ns ? camera->at_ns : now_ns) + camera->frame_ns;
		if (status == 0)
			status = libav_reopen_input(camera, error);
		if (status < 0)
			return status;
		avcodec_flush_buffers(camera->codec);
		status = decode(camera, error);
	} while (status == -ENODATA);
	return status;
}

/* ---- frames -------------------------------------------------------------------------------------------------- */

/* When the frame is due, from the source's time 0. */
static int64_t frame_time(struct libav_camera *camera)
{
	const AVStream *stream = camera->format->streams[camera->stream];
	int64_t ts = camera->frame->best_effort_timestamp;
	if (camera->request.fps > 0 || camera->picture)
		return (int64_t)((double)camera->count * 1e9 / camera->fps);
	if (camera->first_ts == AV_NOPTS_VALUE && ts != AV_NOPTS_VALUE) /* frames before it may have had no time */
		camera->first_ts = ts - av_rescale_q(camera->at_ns + camera->frame_ns - camera->offset_ns,
		                                     (AVRational){1, 1000000000}, stream->time_base);
	int64_t at = ts == AV_NOPTS_VALUE ? INT64_MIN
	                                  : camera->offset_ns + av_rescale_q(ts - camera->first_ts, stream->time_base,
	                                                                     (AVRational){1, 1000000000});
	return at > camera->at_ns ? at : camera->at_ns + camera->frame_ns;
}

static int take_spare(struct libav_camera *camera)
{
	if (camera->spare.data)
		return 0;
	int status = zoe_loan(camera->topics.frames, camera->plan.size, &camera->spare);
	if (status < 0)
		camera->spare = (struct zoe_loan){0};
	return status;
}

/* Copy or convert the decoded picture into a slot. Returns 0 | -errno of zoe_loan() | -EINVAL (swscale cannot). */
static int make_copy(struct libav_camera *camera)
{
	int status = take_spare(camera);
	if (status == 0)
		status = picture_write(&camera->plan, camera->frame, &camera->scaler, camera->spare.data);
	if (status == 0)
		camera_mask(&camera->request, &camera->plan.image, camera->spare.data);
	camera->copied = status == 0;
	return status;
}

/* The loan that the picture was decoded into, if it can be published as it is. */
static struct zoe_loan *direct_loan(struct libav_camera *camera)
{
	struct zoe_loan *loan = slot_pool_loan(&camera->pool, camera->frame);
	bool upright = camera->frame->linesize[0] > 0; /* some decoders write the lowest row first */
	return loan && upright && picture_fits(&camera->plan, camera->frame) ? loan : NULL;
}

/* A camera that was set to another size goes on with it; a file keeps the size that it began with. */
static int follow_size(struct libav_camera *camera, char *error)
{
	if (!camera->live ||
	    (camera->frame->width == camera->plan.width && camera->frame->height == camera->plan.height))
		return 0;
	int status = picture_plan(camera->frame, &camera->request, &camera->plan, error);
	if (status < 0)
		return status;
	camera->mode->image = camera->plan.image;
	if (camera->spare.data)
		zoe_discard(camera->topics.frames, &camera->spare);
	camera->spare = (struct zoe_loan){0};
	return 0;
}

/* Is this frame of a live source left out, because fewer are wanted than it sends? */
static bool left_out(struct libav_camera *camera, int64_t arrival_ns)
{
	if (camera->request.fps <= 0)
		return false;
	if (arrival_ns < camera->at_ns - camera->frame_ns / 4) /* frames of a network come a little unevenly */
		return true;
	bool behind = arrival_ns > camera->at_ns + camera->frame_ns;
	camera->at_ns = (behind ? arrival_ns : camera->at_ns) + camera->frame_ns;
	return false;
}

static int next_live(struct libav_camera *camera, int64_t *out_due_ns, char *error)
{
	int status = 0;
	camera->passed = libav_passes(camera);
	if (camera->passed) {
		status = feed(camera, error);
		*out_due_ns = zoe_now_ns();
		return status;
	}
	do {
		if (!camera->have_frame)
			status = camera->fetched ? fetch(camera, error) : decode(camera, error);
		if (status == 0)
			status = follow_size(camera, error);
		if (status < 0)
			return status;
		*out_due_ns = arrival_of(camera);
		camera->have_frame = camera->fetched || !left_out(camera, *out_due_ns);
	} while (!camera->have_frame);
	return 0;
}

static int next_paced(struct libav_camera *camera, struct camera_pace *pace, int64_t *out_due_ns, char *error)
{
	if (!camera->have_frame || (camera->picture && camera->count > 0 && !camera->request.loop)) {
		int status = camera->picture ? -ENODATA : decode_looping(camera, error);
		if (status < 0)
			return status;
	}
	camera->at_ns = frame_time(camera);
	*out_due_ns = camera_pace_due(pace, camera->at_ns);
	return 0;
}

static int libav_next(void *state, struct camera_pace *pace, int64_t *out_due_ns, char *error)
{
	struct libav_camera *camera = state;
	int status = camera->live ? next_live(camera, out_due_ns, error) : next_paced(camera, pace, out_due_ns, error);
	if (status < 0)
		return status;
	camera->count++;
	if (!camera->passed && !direct_loan(camera))
		make_copy(camera); /* without a slot now, publish() tries again */
	return 0;
}

static int publish_direct(struct libav_camera *camera, struct zoe_loan *loan, int64_t capture_ns, uint64_t *out_seq)
{
	loan->image = camera->plan.image;
	loan->capture_ns = capture_ns;
	for (unsigned i = 0; i < loan->image.plane_count; i++)
		loan->image.planes[i] = (struct zoe_plane){
		    .offset = (uint64_t)(camera->frame->data[i] - (const uint8_t *)loan->data),
		    .stride = (uint32_t)camera->frame->linesize[i],
		};
	return slot_pool_publish(&camera->pool, camera->frame, out_seq);
}

static int publish_copy(struct libav_camera *camera, int64_t capture_ns, uint64_t *out_seq)
{
	int status = camera->copied ? 0 : make_copy(camera);
	if (status < 0)
		return status;
	camera->spare.image = camera->plan.image;
	camera->spare.capture_ns = capture_ns;
	status = zoe_publish(camera->topics.frames, &camera->spare, out_seq);
	camera->copied = false;
	if (status == -ESTALE) { /* larger frames made the topic change its shape meanwhile */
		zoe_discard(camera->topics.frames, &camera->spare);
		camera->spare = (struct zoe_loan){0};
	}
	take_spare(camera); /* if not now, then for the next copy */
	return status;
}

static int libav_publish(void *state, int64_t capture_ns, uint64_t *out_seq)
{
	struct libav_camera *camera = state;
	if (camera->passed) {
		libav_jpeg_publish(camera, NULL);
		return 1;
	}
	struct zoe_loan *loan = camera->copied ? NULL : direct_loan(camera);
	int status = loan ? publish_direct(camera, loan, capture_ns, out_seq) : -ENOBUFS;
	for (int tries = 0; status < 0 && tries < 2; tries++) /* the second after -ESTALE */
		status = publish_copy(camera, capture_ns, out_seq);
	libav_jpeg_publish(camera, status == 0 ? out_seq : NULL);
	if (!camera->picture) {
		av_frame_unref(camera->frame);
		camera->have_frame = false;
	}
	return status;
}

/* ---- the driver ---------------------------------------------------------------------------------------------- */

static void libav_close(void *state)
{
	struct libav_camera *camera = state;
	if (!camera)
		return;
	if (camera->spare.data)
		zoe_discard(camera->topics.frames, &camera->spare);
	av_frame_free(&camera->frame);
	av_packet_free(&camera->packet);
	av_packet_free(&camera->jpeg);
	avcodec_free_context(&camera->codec); /* gives the slots back */
	avformat_close_input(&camera->format);
	sws_freeContext(camera->scaler);
	sws_freeContext(camera->upright_scaler);
	free(camera);
}

static double own_fps(const struct libav_camera *camera)
{
	AVRational rate = av_guess_frame_rate(camera->format, camera->format->streams[camera->stream], NULL);
	bool unknown = rate.num <= 0 || rate.den <= 0 || (camera->live && av_q2d(rate) > LIVE_FPS_MOST);
	double fps = unknown ? VIDEO_FPS : av_q2d(rate);
	return camera->picture ? PICTURE_FPS : camera->fetched ? FETCH_FPS : fps > 1000 ? 1000 : fps;
}

static unsigned decoder_slots(int wanted)
{
	return wanted < DECODER_SLOTS_MIN   ? DECODER_SLOTS_MIN
	       : wanted > DECODER_SLOTS_MAX ? DECODER_SLOTS_MAX
	                                    : (unsigned)wanted;
}

static void note(struct camera_mode *mode, const char *format, ...)
{
	size_t used = strlen(mode->note);
	va_list arguments;
	if (used && used + 2 < sizeof(mode->note)) {
		strcat(mode->note, "; ");
		used += 2;
	}
	va_start(arguments, format);
	vsnprintf(mode->note + used, sizeof(mode->note) - used, format, arguments);
	va_end(arguments);
}

static void note_mode(const struct libav_camera *camera, struct camera_mode *mode)
{
	const struct turn *turn = &camera->turn;
	char name[5];
	zoe_format_name(camera->plan.image.format, name);
	if (camera->fetched)
		note(mode, "one picture at a time, fetched %g times a second", camera->fps);
	if (camera->plan.convert)
		note(mode, "%s of %dx%d is converted to %s of %ux%u", av_get_pix_fmt_name(camera->frame->format),
		     camera->frame->width, camera->frame->height, name, camera->plan.image.width,
		     camera->plan.image.height);
	if (turn->degrees || turn->mirrored)
		note(mode, "it is turned by %d degrees%s", turn->degrees, turn->mirrored ? " and mirrored" : "");
	if (turn->odd_degrees)
		note(mode, "it asks to be turned by %d degrees, which is not done", turn->odd_degrees);
	if (camera->sound)
		note(mode, "its sound is ignored");
}

/* The first picture is decoded already, into private memory: it tells what containers often get wrong. */
static int describe(struct libav_camera *camera, char *error)
{
	const struct camera_request *request = &camera->request;
	int status = picture_plan(camera->frame, request, &camera->plan, error);
	if (status < 0)
		return status;
	camera->own_memory = camera->plan.convert || camera->picture || camera->request.mask_count ||
	                     camera->turn.degrees || camera->turn.mirrored;
	camera->fps = request->fps > 0 ? request->fps : own_fps(camera);
	camera->frame_ns = (int64_t)(1e9 / camera->fps);
	camera->at_ns = camera->fetched ? zoe_now_ns() + camera->frame_ns : camera->live ? 0 : -camera->frame_ns;
	*camera->mode = (struct camera_mode){
	    .image = camera->plan.image,
	    .fps = camera->fps,
	    .live = camera->live,
	    .packets = !camera->picture && !camera->fetched && !camera->request.mask_count,
	    .jpeg = libav_sends_jpeg(camera),
	    .slot_bytes = camera->plan.size,
	    .loans = camera->own_memory ? 2 : decoder_slots(camera->codec->has_b_frames + 5),
	    .keeps = camera->own_memory ? 0 : decoder_slots(camera->codec->refs + 2),
	};
	if (!camera->plan.convert && camera->pool.layout.bytes > camera->plan.size)
		camera->mode->slot_bytes = camera->pool.layout.bytes;
	note_mode(camera, camera->mode);
	return 0;
}

/* Open the source and decode its first picture. */
static int begin(const struct camera_request *request, bool network, struct libav_camera **out, char *error)
{
	av_log_set_level(AV_LOG_QUIET); /* what is wrong is said in one sentence, by us */
	struct libav_camera *camera = calloc(1, sizeof(*camera));
	const AVCodec *decoder = NULL;
	int status = -ENOMEM;
	if (!camera)
		goto fail;
	camera->request = *request;
	camera->network = network;
	camera->first_ts = AV_NOPTS_VALUE;
	camera->frame = av_frame_alloc();
	camera->packet = av_packet_alloc();
	camera->jpeg = av_packet_alloc();
	if (!camera->frame || !camera->packet || !camera->jpeg)
		goto fail;
	if (network)
		snprintf(camera->name, sizeof(camera->name), "%s", request->shown);
	else
		snprintf(camera->name, sizeof(camera->name), "file '%.250s'", request->source);
	status = libav_open_input(camera, &decoder, error);
	if (status == 0)
		status = libav_open_codec(camera, decoder, error);
	if (status == 0)
		status = decode(camera, error);
	if (status == -ENODATA)
		status =
		    libav_fail(camera, error, -EIO, "ended before it gave a picture: it is damaged or cut short", 0);
	if (status < 0)
		goto fail;
	*out = camera;
	return 0;
fail:
	libav_close(camera);
	if (status == -ENOMEM)
		snprintf(error, CAMERA_ERROR_BYTES, "%s cannot be opened: no memory", request->shown);
	return status;
}

static int open_with(bool network, const struct camera_request *request, struct camera_mode *out_mode, void **out_state,
                     char *error)
{
	struct libav_camera *camera;
	int status = begin(request, network, &camera, error);
	if (status < 0)
		return status;
	camera->mode = out_mode;
	status = describe(camera, error);
	if (status < 0) {
		libav_close(camera);
		return status;
	}
	*out_state = camera;
	return 0;
}

static int open_file(const struct camera_request *request, struct camera_mode *out_mode, void **out_state, char *error)
{
	return open_with(false, request, out_mode, out_state, error);
}

static int open_network(const struct camera_request *request, struct camera_mode *out_mode, void **out_state,
                        char *error)
{
	return open_with(true, request, out_mode, out_state, error);
}

int libav_read_picture(const struct camera_request *request, AVFrame *out, char *error)
{
	struct libav_camera *camera;
	int status = begin(request, false, &camera, error);
	if (status < 0)
		return status;
	av_frame_unref(out);
	av_frame_move_ref(out, camera->frame);
	libav_close(camera);
	return 0;
}

static void libav_attach(void *state, const struct camera_topics *topics)
{
	struct libav_camera *camera = state;
	camera->topics = *topics;
	take_spare(camera);
	if (!camera->own_memory)
		camera->pool.publisher = topics->frames;
}

const struct camera_driver camera_file = {
    .schemes = "file",
    .open = open_file,
    .attach = libav_attach,
    .next = libav_next,
    .publish = libav_publish,
    .close = libav_close,
};

const struct camera_driver camera_network = {
    .schemes = "rtsp rtsps http https",
    .patient = true,
    .open = open_network,
    .attach = libav_attach,
    .next = libav_next,
    .publish = libav_publish,
    .close = libav_close,
};
