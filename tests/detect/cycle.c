/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Opens and closes an engine again and again, as a detector does that is switched, and looks at a picture each time. Prints
 * the process's memory and what of its heap is in use, KB, and its threads, after a tenth of the rounds and at the end.
 *
 *   cycle ENGINE MODEL ROUNDS
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roles/detector_engine.h"

#define SIDE 64

static void print_memory(void)
{
	char line[256];
	long resident = 0, threads = 0;
	FILE *file = fopen("/proc/self/status", "re");
	while (file && fgets(line, sizeof(line), file)) {
		sscanf(line, "RssAnon: %ld", &resident);
		sscanf(line, "Threads: %ld", &threads);
	}
	if (file)
		fclose(file);
	struct mallinfo2 heap = mallinfo2();
	printf("%ld %zu %ld\n", resident, (heap.uordblks + heap.hblkhd) / 1024, threads);
}

static int once(const struct detector_config *config, const struct detector_picture *picture, char *error)
{
	static struct detector_result result;
	struct detector_engine *engine = NULL;
	int status = detector_engine_open(config, &engine, error);
	if (status == 0)
		status = detector_engine_run(engine, picture, 1, &result, error);
	detector_engine_close(engine);
	return status;
}

int main(int argc, char **argv)
{
	static uint8_t pixels[SIDE * SIDE * 3];
	char error[ZOE_DETECTOR_ERROR_BYTES];
	if (argc != 4)
		return 2;
	const struct detector_config config = {.engine = argv[1], .model = argv[2], .threshold = 0.4, .threads = 1};
	struct zoe_image image = {.format = ZOE_FORMAT_RGB24, .width = SIDE, .height = SIDE};
	zoe_image_layout(&image, 1);
	const struct detector_picture picture = {.image = &image, .data = pixels, .size = sizeof(pixels)};
	int rounds = atoi(argv[3]);
	for (int i = 0; i < rounds; i++) {
		if (once(&config, &picture, error) < 0) {
			fprintf(stderr, "%s\n", error);
			return 1;
		}
		if (i == rounds / 10 || i == rounds - 1)
			print_memory();
	}
	return 0;
}
