/* SPDX-License-Identifier: Apache-2.0 */
/* `zoetrope cat`: a topic's frames to standard output, for ffmpeg and other programs that read a pipe. */
#include "cli.h"
#include "picture_out.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define LOOK_NS 200000000 /* between two looks whether somebody still reads */

struct cat_options {
	char *domain;
	bool y4m, raw;
	int64_t frames;
	double fps;
};

static const struct option_row rows[] = {
    {"domain", OPTION_TEXT, offsetof(struct cat_options, domain), "", 0, 0, "", NULL,
     "Directory of the domain; empty means ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID."},
    {"y4m", OPTION_BOOL, offsetof(struct cat_options, y4m), "false", 0, 0, "", NULL,
     "Write YUV4MPEG2, which says size and rate; this is how it is if nothing else is wanted."},
    {"raw", OPTION_BOOL, offsetof(struct cat_options, raw), "false", 0, 0, "", NULL,
     "Write the bytes of each frame without gaps and headers: pixels, JPEGs or messages."},
    {"frames", OPTION_INTEGER, offsetof(struct cat_options, frames), "0", 0, 1e15, "", NULL,
     "End after so many frames; 0 means until nobody reads any more, or Ctrl-C."},
    {"fps", OPTION_NUMBER, offsetof(struct cat_options, fps), "0", 0, 1000, "frames per second", NULL,
     "Rate that the beginning of YUV4MPEG2 says; 0 means that of the first two frames."},
    {NULL},
};

static volatile int stop;

static void on_signal(int number)
{
	stop = 1;
}

static void catch_signals(void)
{
	struct sigaction end = {.sa_handler = on_signal}, ignore = {.sa_handler = SIG_IGN};

	sigaction(SIGINT, &end, NULL);
	sigaction(SIGTERM, &end, NULL);
	sigaction(SIGPIPE, &ignore, NULL); /* write() says it */
}

/* The next frame. Returns 0 | -EINTR (stop) | -EPIPE (nobody reads any more) | as zoe_take_next(). */
static int take(struct zoe_subscriber *subscriber, struct zoe_frame *frame)
{
	for (;;) {
		struct pollfd reader = {.fd = STDOUT_FILENO};
		int status = stop ? -EINTR : zoe_take_next(subscriber, LOOK_NS, frame);

		if (status != -ETIMEDOUT && (status != -EINTR || stop))
			return status;
		if (poll(&reader, 1, 0) > 0 && reader.revents & POLLERR)
			return -EPIPE;
	}
}

/* What two frames say; near a whole number it is that number. */
static double rate(const struct zoe_frame *first, const struct zoe_frame *second)
{
	double seconds = (double)(second->capture_ns - first->capture_ns) / 1e9 / (double)(second->seq - first->seq);
	double fps = seconds > 0 ? 1 / seconds : 25;
	double whole = (double)(long)(fps + 0.5);

	fps = fps > 1000 ? 1000 : fps < 0.001 ? 0.001 : fps;
	return whole >= 1 && fps / whole > 0.9 && fps / whole < 1.1 ? whole : fps;
}

/* Take the first frame and, if its rate is to be known, the second; write what was taken, and on. */
static int copy(struct zoe_subscriber *subscriber, const struct cat_options *options, struct picture_out *out,
                char *error)
{
	struct zoe_frame frames[2];
	uint64_t lost = 0;
	int64_t left = options->frames ? options->frames : INT64_MAX;
	bool measure = !options->raw && options->fps <= 0 && left > 1;
	int status = take(subscriber, &frames[0]);

	if (status < 0)
		return status;
	status = measure ? take(subscriber, &frames[1]) : 0;
	picture_out_rate(out, measure && !status ? rate(&frames[0], &frames[1]) : options->fps > 0 ? options->fps : 25);
	for (unsigned at = 0; status == 0; at = !at) {
		status = picture_out_write(out, &frames[at], &stop, error);
		zoe_release(subscriber, &frames[at]);
		if (status < 0 || --left == 0)
			break;
		if (measure) /* the other one is in hand already */
			measure = false;
		else
			status = take(subscriber, &frames[!at]);
		if (status == 0)
			lost += frames[!at].lost;
	}
	if (lost)
		cli_error("cat: %llu frames were lost: whoever reads is too slow for them", (unsigned long long)lost);
	return status;
}

static int cat(const char *path, const char *topic, const struct cat_options *options)
{
	struct zoe_domain *domain = NULL;
	struct zoe_subscriber *subscriber = NULL;
	struct picture_out *out = NULL;
	char error[256] = "";
	int status = -ENOENT;

	if (access(path, F_OK) < 0 && errno == ENOENT) { /* opening would make it */
		snprintf(error, sizeof error, "there is no domain %.150s, so no topic %.60s", path, topic);
	} else {
		status = zoe_domain_open(path, &domain);
		if (status == 0)
			status = zoe_subscriber_open(domain, topic, NULL, &subscriber);
		if (status == 0)
			status = picture_out_create(STDOUT_FILENO, !options->raw, &out);
		if (status == 0)
			status = copy(subscriber, options, out, error);
	}
	if (status < 0 && status != -EPIPE && status != -EINTR)
		cli_error("cat: %s", *error ? error : status == -ENOMEM ? "no memory" : zoe_error());
	picture_out_destroy(out);
	zoe_subscriber_close(subscriber);
	zoe_domain_close(domain);
	return status < 0 && status != -EPIPE && status != -EINTR;
}

static int run(int argc, char **argv)
{
	struct cat_options options;
	struct cli_words words;
	char path[PATH_MAX];
	int status = CLI_USAGE;

	if (!cli_read(&cli_cat, argc, argv, &options, &words)) {
		if (words.count != 1) {
			cli_error("cat: wanted one topic, found %u; usage: zoetrope cat %s", words.count,
			          cli_cat.usage);
		} else if (options.y4m && options.raw) {
			cli_error("cat: wanted --y4m or --raw, found both");
		} else if (isatty(STDOUT_FILENO)) {
			cli_error("cat: standard output is a terminal, and these are pictures; pipe them: "
			          "zoetrope cat %s | ffmpeg -i - %s.mp4",
			          words.items[0], words.items[0]);
		} else {
			catch_signals();
			cli_domain(options.domain, path, sizeof path);
			status = cat(path, words.items[0], &options);
		}
	}
	options_finish(rows, &options);
	return status;
}

const struct cli_command cli_cat = {
    .name = "cat",
    .usage = "[--y4m | --raw] [--frames N] [--fps RATE] [--domain DIR] TOPIC",
    .help = "Write a topic's frames to standard output, for ffmpeg and other programs that read a pipe.",
    .rows = rows,
    .more =
        "YUV4MPEG2 has luma and chroma in planes: NV12, YUYV and UYVY are taken apart, RGB and JPEG need --raw. For\n"
        "example:\n"
        "  zoetrope cat front | ffmpeg -i - front.mp4\n"
        "  zoetrope cat --raw yard | ffmpeg -f mjpeg -i - yard.mp4\n",
    .run = run,
};
