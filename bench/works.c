/* SPDX-License-Identifier: Apache-2.0 */
/* The kinds of traffic, by the names of the table. */
#include "works.h"

#include <stdio.h>
#include <string.h>

#define HD  (1920 * 1080 * 3)
#define UHD (3840 * 2160 * 3)

const struct bench_work bench_works[] = {
    {.name = "L1", .size = 64, .rate_hz = 100000, .polling = true, .senders = 1, .receivers = 1, .depth = 4},
    {.name = "L2", .size = 64, .rate_hz = 1000, .senders = 1, .receivers = 1, .depth = 4},
    {.name = "F1", .size = HD, .rate_hz = 60, .fill = true, .senders = 1, .receivers = 1, .depth = 4},
    {.name = "F2", .size = UHD, .rate_hz = 60, .fill = true, .senders = 1, .receivers = 1, .depth = 4},
    {.name = "T1", .size = 64, .polling = true, .lossless = true, .senders = 1, .receivers = 1, .depth = 256},
    {.name = "T2", .size = HD, .polling = true, .lossless = true, .senders = 1, .receivers = 1, .depth = 8},
    {.name = "FAN4", .size = HD, .rate_hz = 60, .senders = 1, .receivers = 4, .depth = 4},
    {.name = "FAN16", .size = HD, .rate_hz = 60, .senders = 1, .receivers = 16, .depth = 4},
    {.name = "N2", .size = 64, .polling = true, .lossless = true, .senders = 2, .receivers = 1, .depth = 256},
    {.name = "N4", .size = 64, .polling = true, .lossless = true, .senders = 4, .receivers = 1, .depth = 256},
    {.name = "STOP",
     .size = 64,
     .rate_hz = 20000,
     .polling = true,
     .senders = 1,
     .receivers = 1,
     .stall = true,
     .depth = 4},
    {.name = "C64", .size = 64, .polling = true, .alone = true, .senders = 1, .receivers = 1, .depth = 4},
    {.name = "C6M", .size = HD, .polling = true, .alone = true, .senders = 1, .receivers = 1, .depth = 4},
    {.name = "C25M", .size = UHD, .polling = true, .alone = true, .senders = 1, .receivers = 1, .depth = 4},
};
const unsigned bench_works_count = sizeof(bench_works) / sizeof(bench_works[0]);

const struct bench_work *bench_work_find(const char *name)
{
	for (unsigned i = 0; i < bench_works_count; i++) {
		if (!strcmp(bench_works[i].name, name))
			return &bench_works[i];
	}
	return NULL;
}

static const char *truth(bool value)
{
	return value ? "true" : "false";
}

void bench_works_print(void)
{
	for (unsigned i = 0; i < bench_works_count; i++) {
		const struct bench_work *w = &bench_works[i];

		printf("%s{\"name\": \"%s\", \"size\": %zu, \"rate_hz\": %u, \"polling\": %s, \"lossless\": %s, "
		       "\"fill\": %s, "
		       "\"senders\": %u, \"receivers\": %u, \"stall\": %s, \"alone\": %s, \"depth\": %u}",
		       i ? ",\n " : "[", w->name, w->size, w->rate_hz, truth(w->polling), truth(w->lossless),
		       truth(w->fill), w->senders, w->receivers, truth(w->stall), truth(w->alone), w->depth);
	}
	puts("]");
}
