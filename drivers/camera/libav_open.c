/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opening what libavformat reads. A file opens nothing but itself: a playlist or a strange name cannot make libavformat
 * open a network address; and what comes from the network cannot make it open a file. Errors of the network are told by
 * what they mean for a camera; libav's own messages, which may have the login in them, are never shown.
 */
#include "libav.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* For connecting and describing. TCP asks again after 1 s and 3 s: one more attempt of ours would not be sooner. */
#define CONNECT_NS   5000000000
#define ANALYZE_US   1000000   /* the first picture tells more than any analysis */
#define UDP_DELAY_US 200000    /* how long a packet by UDP may be overtaken by later ones */
#define UDP_BYTES    "2097152" /* of the socket: a key picture of 4K comes at once */

int libav_fail(const struct libav_camera *camera, char *error, int status, const char *what, int av_status)
{
	char reason[AV_ERROR_MAX_STRING_SIZE] = "";
	if (av_status)
		av_strerror(av_status, reason, sizeof(reason));
	snprintf(error, CAMERA_ERROR_BYTES, "%s %s%s%s", camera->name, what, av_status ? ": " : "", reason);
	return status;
}

int libav_fail_network(const struct libav_camera *camera, char *error, int av_status)
{
	const char *login =
	    "refuses the login; write the source as rtsp://${USER}:${PASSWORD}@HOST/PATH with both in the "
	    "environment, special characters as %XX";
	switch (av_status) {
	case AVERROR_EXIT:
		if (atomic_load(&camera->request.interrupt->set))
			return -EINTR;
		return libav_fail(camera, error, -ETIMEDOUT,
		                  "does not answer; is the camera on, and is it the right port?", 0);
	case AVERROR(ECONNREFUSED):
		return libav_fail(
		    camera, error, -ECONNREFUSED,
		    "cannot be reached: nobody listens there; is the camera on, and is it the right port?", 0);
	case AVERROR(EHOSTUNREACH):
	case AVERROR(ENETUNREACH):
	case AVERROR(ETIMEDOUT):
		return libav_fail(camera, error, av_status, "cannot be reached; is the camera on, and in this network?",
		                  av_status);
	case AVERROR_HTTP_UNAUTHORIZED:
	case AVERROR_HTTP_FORBIDDEN:
		return libav_fail(camera, error, -EACCES, login, 0);
	case AVERROR_HTTP_NOT_FOUND:
		return libav_fail(camera, error, -ENOENT,
		                  "is not there (404): the camera's manual says which paths it has", 0);
	case AVERROR_HTTP_OTHER_4XX:
	case AVERROR_HTTP_BAD_REQUEST:
		return libav_fail(camera, error, -EPROTO,
		                  "is refused by the camera; try the other transport (tcp, udp)", av_status);
	case AVERROR(EIO):
		return libav_fail(camera, error, -EIO,
		                  "cannot be reached: is the host's name right, and the camera on?", 0);
	default:
		return libav_fail(camera, error, -EIO, "gives nothing that can be read as a video", av_status);
	}
}

/* For AVIOInterruptCB: whatever libavformat waits for ends then. */
static int wait_is_over(void *opaque)
{
	const struct libav_camera *camera = opaque;
	return atomic_load(&camera->request.interrupt->set) ||
	       (camera->deadline_ns && zoe_now_ns() > camera->deadline_ns);
}

/* What libavformat would say less clearly, or not at all: it waits for a FIFO's writer, and reads devices for ever. */
static int check_path(const struct libav_camera *camera, char *error)
{
	const char *path = camera->request.source;
	struct stat status;
	if (!*path) {
		snprintf(error, CAMERA_ERROR_BYTES, "source 'file:' names no file; wanted file:PATH");
		return -EINVAL;
	}
	if (stat(path, &status) < 0) {
		int code = errno;
		return libav_fail(camera, error, -code, code == ENOENT ? "does not exist" : "cannot be looked at",
		                  code == ENOENT ? 0 : AVERROR(code));
	}
	if (S_ISDIR(status.st_mode))
		return libav_fail(camera, error, -EISDIR, "is a directory; wanted a video or a picture", 0);
	if (!S_ISREG(status.st_mode))
		return libav_fail(camera, error, -EINVAL, "is not a regular file; wanted a video or a picture", 0);
	if (status.st_size == 0)
		return libav_fail(camera, error, -EINVAL, "is empty; wanted a video or a picture", 0);
	return 0;
}

/* A port that cannot be would be asked for ever: libavformat says no more than "Invalid argument". */
static bool is_port(const char *digits, const char *end)
{
	if (digits + strspn(digits, "0123456789") != end)
		return true; /* that is for libavformat to judge; it may be part of a password */
	unsigned long number = strtoul(digits, NULL, 10);
	return number >= 1 && number <= 65535;
}

static int check_address(const struct libav_camera *camera, char *error)
{
	const char *rest = camera->request.source, *host = rest + 2 * (strncmp(rest, "//", 2) == 0);
	const char *end = host + strcspn(host, "/?#"), *login = memrchr(host, '@', (size_t)(end - host));
	host = login ? login + 1 : host;
	if (strncmp(rest, "//", 2) != 0 || host == end || *host == ':')
		return libav_fail(camera, error, -EINVAL,
		                  strncmp(camera->request.uri, "http", 4) == 0
		                      ? "names no host; wanted for example http://10.0.0.6/video.mjpg"
		                      : "names no host; wanted for example rtsp://10.0.0.5/stream",
		                  0);
	const char *port = *host == '[' ? host + strcspn(host, "]") : host;
	port += strcspn(port, ":");
	if (port < end && !is_port(port + 1, end))
		return libav_fail(camera, error, -EINVAL, "names no port that there is; wanted one from 1 to 65535", 0);
	return 0;
}

/* An empty AVFormatContext that can be called out of its waits. */
static int context_create(struct libav_camera *camera, char *error)
{
	camera->format = avformat_alloc_context();
	if (!camera->format)
		return libav_fail(camera, error, -ENOMEM, "cannot be opened: no memory", 0);
	camera->format->interrupt_callback = (AVIOInterruptCB){.callback = wait_is_over, .opaque = camera};
	return 0;
}

static int open_file(struct libav_camera *camera, char *error)
{
	int status = check_path(camera, error);
	if (status == 0)
		status = context_create(camera, error);
	if (status < 0)
		return status;
	char *url;
	if (asprintf(&url, "file:%s", camera->request.source) < 0)
		return libav_fail(camera, error, -ENOMEM, "cannot be opened: no memory", 0);
	AVDictionary *options = NULL;
	av_dict_set(&options, "protocol_whitelist", "file", 0);
	av_dict_set(&options, "pattern_type", "none", 0); /* "a%03d.jpg" is that file and no sequence of others */
	status = avformat_open_input(&camera->format, url, NULL, &options);
	av_dict_free(&options);
	free(url);
	if (status == AVERROR(EACCES))
		return libav_fail(camera, error, -EACCES, "must not be read by this user; permission was denied", 0);
	if (status == AVERROR_EXIT)
		return -EINTR;
	if (status < 0)
		return libav_fail(camera, error, -EINVAL, "is neither a video nor a picture that can be read", status);
	return 0;
}

static int open_network(struct libav_camera *camera, char *error)
{
	int status = check_address(camera, error);
	if (status == 0)
		status = context_create(camera, error);
	if (status < 0)
		return status;
	AVDictionary *options = NULL;
	bool rtsp = strncmp(camera->request.uri, "rtsp", 4) == 0;
	av_dict_set(&options, "protocol_whitelist", rtsp ? "rtsp,rtsps,rtp,udp,tcp,tls" : "http,https,tcp,tls,crypto",
	            0);
	if (rtsp) {
		av_dict_set(&options, "rtsp_transport", camera->request.udp ? "udp" : "tcp", 0);
		av_dict_set(&options, "buffer_size", UDP_BYTES, 0);
	}
	camera->format->max_delay = UDP_DELAY_US;
	camera->format->max_analyze_duration = ANALYZE_US;
	camera->format->fps_probe_size = 0;
	camera->deadline_ns = zoe_now_ns() + CONNECT_NS;
	status = avformat_open_input(&camera->format, camera->request.uri, NULL, &options);
	camera->deadline_ns = 0;
	av_dict_free(&options);
	return status < 0 ? libav_fail_network(camera, error, status) : 0;
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

/* Sound and all else is not even looked at. */
static void discard_others(struct libav_camera *camera)
{
	for (unsigned i = 0; i < camera->format->nb_streams; i++) {
		AVStream *stream = camera->format->streams[i];
		camera->sound |= stream->codecpar->codec_type == AVMEDIA_TYPE_AUDIO;
		if (stream->codecpar->codec_type != AVMEDIA_TYPE_VIDEO)
			stream->discard = AVDISCARD_ALL;
	}
}

/* The decoder that is asked for by name, if it is there and reads this video. */
static int named_decoder(const struct libav_camera *camera, const AVCodec **decoder, char *error)
{
	const char *name = camera->request.decoder;
	enum AVCodecID codec = camera->format->streams[camera->stream]->codecpar->codec_id;
	if (!name || !*name)
		return 0;
	const AVCodec *named = avcodec_find_decoder_by_name(name);
	if (named && named->id == codec) {
		*decoder = named;
		return 0;
	}
	snprintf(
	    error, CAMERA_ERROR_BYTES,
	    named
	        ? "decoder '%.60s' reads %s, but the video of %s is %s; leave the key 'decoder' out, or name one for it"
	        : "decoder '%.60s' is not in this libavcodec (%s of %s is %s); `ffmpeg -decoders` lists those that are",
	    name, named ? avcodec_get_name(named->id) : "the video", camera->name, avcodec_get_name(codec));
	return -EINVAL;
}

static int find_stream(struct libav_camera *camera, const AVCodec **out_decoder, char *error)
{
	discard_others(camera);
	int status = avformat_find_stream_info(camera->format, NULL);
	if (status == AVERROR_EXIT && atomic_load(&camera->request.interrupt->set))
		return -EINTR;
	if (status < 0)
		return libav_fail(camera, error, camera->network ? -EIO : -EINVAL, "is damaged or cut short", status);
	discard_others(camera); /* some formats name their streams only now */
	int stream = av_find_best_stream(camera->format, AVMEDIA_TYPE_VIDEO, -1, -1, out_decoder, 0);
	if (stream == AVERROR_DECODER_NOT_FOUND)
		return libav_fail(camera, error, -ENOSYS, "has a video that no decoder of this libavcodec reads", 0);
	if (stream < 0 || !is_moving_picture(camera->format->streams[stream]))
		return libav_fail(camera, error, camera->network ? -ENOENT : -EINVAL, "has no video in it", 0);
	camera->stream = stream;
	return named_decoder(camera, out_decoder, error);
}

/* A file has an end and time stamps, and may come faster than it is to be played; a camera has neither. */
static void find_kind(struct libav_camera *camera)
{
	const char *name = camera->format->iformat->name;
	size_t length = strlen(name);
	bool single = strcmp(name, "image2") == 0 || (length > 5 && strcmp(name + length - 5, "_pipe") == 0);
	camera->picture = single && !camera->network;
	camera->fetched = single && camera->network;
	camera->live = camera->network && strcmp(name, "hls") != 0 &&
	               (camera->fetched || strcmp(name, "rtsp") == 0 || camera->format->duration <= 0);
}

int libav_open_input(struct libav_camera *camera, const AVCodec **out_decoder, char *error)
{
	int status = camera->network ? open_network(camera, error) : open_file(camera, error);
	if (status == 0)
		status = find_stream(camera, out_decoder, error);
	if (status == 0)
		find_kind(camera);
	return status;
}

int libav_reopen_input(struct libav_camera *camera, char *error)
{
	avformat_close_input(&camera->format);
	int status = camera->network ? open_network(camera, error) : open_file(camera, error);
	if (status < 0 || camera->stream < (int)camera->format->nb_streams)
		return status;
	/* Formats without a table of contents name their streams only once they are read. */
	const AVCodec *decoder;
	return find_stream(camera, &decoder, error);
}

int libav_open_codec(struct libav_camera *camera, const AVCodec *decoder, char *error)
{
	AVStream *stream = camera->format->streams[camera->stream];
	camera->codec = avcodec_alloc_context3(decoder);
	if (!camera->codec)
		return libav_fail(camera, error, -ENOMEM, "cannot be opened: no memory", 0);
	int status = avcodec_parameters_to_context(camera->codec, stream->codecpar);
	camera->codec->thread_count = 1;
	if (camera->picture || camera->fetched)
		camera->codec->err_recognition = AV_EF_EXPLODE; /* half a picture is an error, half a video is not */
	if (camera->live)
		camera->codec->flags |= AV_CODEC_FLAG_LOW_DELAY;
	camera->codec->pkt_timebase = stream->time_base;
	camera->codec->opaque = &camera->pool;
	camera->codec->get_buffer2 = slot_pool_get_buffer;
	if (status >= 0)
		status = avcodec_open2(camera->codec, decoder, NULL);
	if (status < 0)
		return libav_fail(camera, error, -EINVAL, "cannot be decoded", status);
	return 0;
}
