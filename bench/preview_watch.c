/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Viewers for bench/preview, all in one process, so that they are counted apart from what serves them.
 *
 *   bench-preview-watch VIEWERS FOLDER connect PORT PATH    ask for PATH by HTTP; "-": say nothing and read
 *   bench-preview-watch VIEWERS FOLDER listen PORT -        wait for whoever connects
 *
 * Prints "listening" when it does, and "ready" when each viewer has had WARM pictures. On SIGTERM a line for each picture since: "VIEWER NUMBER ARRIVED_NS
 * BYTES ENCODE_NS" (-1: not said); then "cpu NS". A few pictures are left in FOLDER as NUMBER.jpg.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <turbojpeg.h>
#include <unistd.h>

#include "measure.h"
#include "preview_marks.h"

#define VIEWERS_MOST  64
#define ROOM          (4u << 20)
#define WARM          15
#define PARTS_MOST    4000
#define KEPT_EACH     40 /* every so many pictures one is left in FOLDER */
#define EIGHTH_MOST   (1024 * 1024)
#define KEY_BYTES     256 /* of a picture's end: with its size they tell it from others */
#define TRIES         1200
#define BEGIN_SECONDS 90

struct part {
	uint64_t key;
	int64_t arrived_ns, encode_ns;
	size_t size;
	unsigned char *jpeg; /* the first viewer's alone; NULL = not kept */
};

struct viewer {
	int fd;
	unsigned char *data;
	size_t used;
	size_t wanted; /* bytes of the part's body; 0: its head is awaited */
	int64_t encode_ns;
	struct part *parts;
	unsigned count;
};

static volatile sig_atomic_t ended;

static void end(int number)
{
	ended = 1;
}

static void die(const char *what, const char *why)
{
	fprintf(stderr, "bench-preview-watch: %s: %s\n", what, why);
	exit(1);
}

static uint64_t key_of(const unsigned char *jpeg, size_t size)
{
	uint64_t key = 14695981039346656037u ^ size; /* FNV-1a */
	for (size_t at = size > KEY_BYTES ? size - KEY_BYTES : 0; at < size; at++)
		key = (key ^ jpeg[at]) * 1099511628211u;
	return key;
}

static void part_add(struct viewer *viewer, bool keep)
{
	if (viewer->count == PARTS_MOST)
		return;
	struct part *part = &viewer->parts[viewer->count++];
	*part = (struct part){.arrived_ns = bench_now_ns(), .encode_ns = viewer->encode_ns, .size = viewer->wanted};
	part->key = key_of(viewer->data, part->size);
	if (keep && (part->jpeg = malloc(part->size)))
		memcpy(part->jpeg, viewer->data, part->size);
}

static double header(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);
	return at ? atof(at + strlen(name)) : -1;
}

/* Returns false if there is no whole head. */
static bool head_read(struct viewer *viewer, size_t *out_length)
{
	const unsigned char *stop = memmem(viewer->data, viewer->used, "\r\n\r\n", 4);
	char head[4096];
	if (!stop)
		return false;
	*out_length = (size_t)(stop - viewer->data) + 4;
	size_t length = *out_length < sizeof(head) ? *out_length : sizeof(head) - 1;
	memcpy(head, viewer->data, length);
	head[length] = 0;
	double size = header(head, "content-length:"), begin = header(head, "encode-begin:");
	viewer->wanted = size > 0 ? (size_t)size : 0;
	viewer->encode_ns = begin > 0 ? (int64_t)((header(head, "encode-end:") - begin) * 1e9) : -1;
	if (viewer->wanted > ROOM / 2)
		die("a part", "it is too large");
	return true;
}

/* Take whole heads and parts off the front of what has come. */
static void viewer_parse(struct viewer *viewer, bool keep)
{
	for (;;) {
		size_t over = viewer->wanted;
		if (viewer->wanted ? viewer->used < viewer->wanted : !head_read(viewer, &over))
			return;
		bool body = over == viewer->wanted;
		if (body)
			part_add(viewer, keep);
		viewer->used -= over;
		memmove(viewer->data, viewer->data + over, viewer->used);
		if (body)
			viewer->wanted = 0;
	}
}

static void viewer_read(struct viewer *viewer, bool keep)
{
	ssize_t got = recv(viewer->fd, viewer->data + viewer->used, ROOM - viewer->used, 0);
	if (got <= 0 && !ended)
		die("a viewer", got ? strerror(errno) : "the server closed its stream");
	viewer->used += got > 0 ? (size_t)got : 0;
	viewer_parse(viewer, keep);
}

static int dial(const struct sockaddr_in *to)
{
	for (int i = 0; i < TRIES && !ended; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (fd >= 0 && connect(fd, (const struct sockaddr *)to, sizeof(*to)) == 0)
			return fd;
		close(fd);
		usleep(50000); /* the server is only just beginning */
	}
	die("connect", strerror(errno));
	return -1;
}

static void ask(int fd, const char *path)
{
	char text[512];
	int length = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", path);
	if (strcmp(path, "-") && send(fd, text, (size_t)length, MSG_NOSIGNAL) != length)
		die("request", strerror(errno));
}

static void viewers_open(struct viewer *viewers, unsigned count, char **argv)
{
	struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons((uint16_t)atoi(argv[4]))};
	inet_pton(AF_INET, "127.0.0.1", &place.sin_addr);
	bool waits = !strcmp(argv[3], "listen");
	int one = 1, listener = waits ? socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0) : -1;
	if (waits && (setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	              bind(listener, (struct sockaddr *)&place, sizeof(place)) < 0 || listen(listener, 64) < 0))
		die("listen", strerror(errno));
	if (waits) {
		printf("listening\n");
		fflush(stdout);
	}
	for (unsigned i = 0; i < count; i++) {
		viewers[i] = (struct viewer){.data = malloc(ROOM), .parts = calloc(PARTS_MOST, sizeof(struct part))};
		viewers[i].fd = waits ? accept4(listener, NULL, NULL, SOCK_CLOEXEC) : dial(&place);
		if (!viewers[i].data || !viewers[i].parts || viewers[i].fd < 0)
			die("a viewer", strerror(errno));
		if (!waits)
			ask(viewers[i].fd, argv[5]);
	}
	if (waits)
		close(listener);
}

static unsigned fewest(const struct viewer *viewers, unsigned count)
{
	unsigned least = viewers[0].count;
	for (unsigned i = 1; i < count; i++)
		least = viewers[i].count < least ? viewers[i].count : least;
	return least;
}

static void viewers_run(struct viewer *viewers, unsigned count)
{
	int look = epoll_create1(EPOLL_CLOEXEC);
	bool ready = false;
	for (unsigned i = 0; i < count; i++) {
		struct epoll_event event = {.events = EPOLLIN, .data.u32 = i};
		epoll_ctl(look, EPOLL_CTL_ADD, viewers[i].fd, &event);
	}
	while (!ended) {
		struct epoll_event events[VIEWERS_MOST];
		int found = epoll_wait(look, events, VIEWERS_MOST, 1000);
		for (int i = 0; i < found; i++)
			viewer_read(&viewers[events[i].data.u32], ready && events[i].data.u32 == 0);
		if (ready || fewest(viewers, count) < WARM)
			continue;
		for (unsigned i = 0; i < count; i++)
			viewers[i].count = 0;
		ready = true;
		alarm(0);
		printf("ready\n");
		fflush(stdout);
	}
	close(look);
}

static long number_of(tjhandle turbo, const struct part *part, unsigned char *eighth)
{
	int width, height, sampling, colours;
	if (tjDecompressHeader3(turbo, part->jpeg, part->size, &width, &height, &sampling, &colours) < 0)
		return -1;
	width = TJSCALED(width, ((tjscalingfactor){1, 8}));
	height = TJSCALED(height, ((tjscalingfactor){1, 8}));
	if (width * height > EIGHTH_MOST ||
	    tjDecompress2(turbo, part->jpeg, part->size, eighth, width, 0, height, TJPF_GRAY, 0) < 0)
		return -1;
	return marks_read(eighth);
}

static void keep(const char *folder, const struct part *part, long number)
{
	char path[4096];
	snprintf(path, sizeof(path), "%s/%ld.jpg", folder, number);
	FILE *file = fopen(path, "wbe");
	if (!file || fwrite(part->jpeg, part->size, 1, file) != 1)
		die(path, strerror(errno));
	fclose(file);
}

/* What the first viewer was sent says which pictures these were; the others got the same. */
static void report(const struct viewer *viewers, unsigned count, const char *folder)
{
	tjhandle turbo = tjInitDecompress();
	unsigned char *eighth = malloc(EIGHTH_MOST);
	if (!turbo || !eighth)
		die("report", "no memory");
	for (unsigned i = 0; i < viewers[0].count; i++) {
		const struct part *first = &viewers[0].parts[i];
		long number = first->jpeg ? number_of(turbo, first, eighth) : -1;
		if (number < 0)
			die("a picture", "it cannot be read");
		if (i % KEPT_EACH == 0)
			keep(folder, first, number);
		for (unsigned k = 0; k < count; k++)
			for (unsigned n = i > 20 ? i - 20 : 0; n < viewers[k].count && n < i + 20; n++) {
				const struct part *part = &viewers[k].parts[n];
				if (part->key == first->key)
					printf("%u %ld %lld %zu %lld\n", k, number, (long long)part->arrived_ns,
					       part->size, (long long)part->encode_ns);
			}
	}
	free(eighth);
	tjDestroy(turbo);
}

int main(int argc, char **argv)
{
	static struct viewer viewers[VIEWERS_MOST];
	unsigned count = argc == 6 ? (unsigned)atoi(argv[1]) : 0;
	if (!count || count > VIEWERS_MOST)
		die("usage", "VIEWERS FOLDER connect|listen PORT PATH, with 1 to 64 viewers");
	struct sigaction action = {.sa_handler = end};
	sigaction(SIGTERM, &action, NULL);
	alarm(BEGIN_SECONDS); /* who serves may have ended */
	viewers_open(viewers, count, argv);
	viewers_run(viewers, count);
	int64_t cpu_ns = bench_cpu_ns();
	report(viewers, count, argv[2]);
	printf("cpu %lld\n", (long long)cpu_ns);
	return 0;
}
