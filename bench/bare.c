/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An engine's library in a loop, without Zoetrope around it: the same network on the same picture, prepared once. Each line
 * of standard input is a number of seconds; that long it runs, and then prints frames, times and what decoding costs.
 *
 *   bench-bare-ENGINE MODEL THREADS PICTURE WIDTH HEIGHT    PICTURE: a file of raw I420 pictures, the first counts
 */
#include "bare.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "roles/detector_prepare.h"

#define DECODES 20 /* of the last outputs, for the time of one */

static void *must(void *pointer, const char *what)
{
	if (!pointer) {
		fprintf(stderr, "bench-bare: %s\n", what);
		exit(1);
	}
	return pointer;
}

static int64_t cpu_ns(void)
{
	struct timespec time;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
	return (int64_t)time.tv_sec * 1000000000 + time.tv_nsec;
}

/* Nanoseconds that this process has waited for a processor: those of its first thread; 0 if the kernel does not say. */
static int64_t waited_ns(void)
{
	long long ran, waited = 0;
	FILE *file = fopen("/proc/self/schedstat", "re");
	if (file && fscanf(file, "%lld %lld", &ran, &waited) != 2)
		waited = 0;
	if (file)
		fclose(file);
	return waited;
}

/* The picture as the model wants it. */
static const float *prepare(const struct model *model, char *const *arguments)
{
	struct zoe_image image = {
	    .format = ZOE_FORMAT_I420, .width = (uint32_t)atoi(arguments[1]), .height = (uint32_t)atoi(arguments[2])};
	char error[ZOE_DETECTOR_ERROR_BYTES];
	struct prepare *made = NULL;
	struct zoe_detector_picture picture;
	int64_t size = zoe_image_layout(&image, 1);
	void *pixels = must(size > 0 ? malloc((size_t)size) : NULL, "no picture of that size");
	FILE *file = must(fopen(arguments[0], "re"), "the picture cannot be opened");
	must(fread(pixels, (size_t)size, 1, file) == 1 ? pixels : NULL, "the picture is too short");
	fclose(file);
	if (prepare_create(&model->input, &made, error) < 0 ||
	    prepare_put(made, 0, &image, pixels, (size_t)size, &picture, error) < 0)
		must(NULL, error);
	free(pixels);
	return picture.data;
}

static void run(const float *tensor, struct head *head, double seconds)
{
	static struct zoe_detection boxes[ZOE_DETECTIONS_MAX];
	struct zoe_detector_found found = {.boxes = boxes, .room = ZOE_DETECTIONS_MAX};
	struct head_tensor outputs[HEAD_OUTPUTS];
	int64_t begin_ns = zoe_now_ns(), begin_cpu_ns = cpu_ns(), begin_waited_ns = waited_ns(), end_ns;
	unsigned frames = 0;
	do {
		bare_run(tensor, outputs);
		frames++;
		end_ns = zoe_now_ns();
	} while ((double)(end_ns - begin_ns) < seconds * 1e9);
	int64_t spent_ns = cpu_ns() - begin_cpu_ns, waits_ns = waited_ns() - begin_waited_ns;
	int64_t decode_ns = cpu_ns();
	for (int i = 0; i < DECODES; i++)
		head_decode(head, outputs, 0, &found);
	decode_ns = (cpu_ns() - decode_ns) / DECODES;
	printf(
	    "{\"frames\": %u, \"seconds\": %.6f, \"cpu\": %.6f, \"waited\": %.6f, \"decode\": %.9f, \"boxes\": %u}\n",
	    frames, (double)(end_ns - begin_ns) / 1e9, (double)spent_ns / 1e9, (double)waits_ns / 1e9,
	    (double)decode_ns / 1e9, found.count);
	fflush(stdout);
}

int main(int argc, char **argv)
{
	if (argc != 6) {
		fprintf(stderr, "usage: %s MODEL THREADS PICTURE WIDTH HEIGHT\n", argv[0]);
		return 2;
	}
	const unsigned threads = (unsigned)atoi(argv[2]);
	const struct zoe_detector_config config = {.model = argv[1],
	                                           .models = getenv("ZOETROPE_MODELS"),
	                                           .threshold = 0.35f,
	                                           .threads = threads,
	                                           .streams = 1};
	char error[ZOE_DETECTOR_ERROR_BYTES], line[64];
	struct model model;
	struct head_tensor outputs[HEAD_OUTPUTS];
	struct head *head = NULL;
	if (model_open(&config, &model, error) < 0)
		must(NULL, error);
	const float *tensor = prepare(&model, argv + 3);
	bare_open(&model, threads);
	if (head_create(&model, config.threshold, outputs, bare_run(tensor, outputs), &head, error) < 0)
		must(NULL, error);
	while (fgets(line, sizeof(line), stdin))
		run(tensor, head, atof(line));
	return 0;
}
