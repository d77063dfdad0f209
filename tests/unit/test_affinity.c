/* SPDX-License-Identifier: Apache-2.0 */
/* big and little, on made-up machines: folders with the files that kernels have. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "check.h"
#include "common/affinity.h"

/* A machine whose CPU n has this number in `name`; 0 = no such file. */
static void make_machine(const char *folder, const char *name, const long *numbers, unsigned count)
{
	char path[256];
	mkdir(folder, 0755);
	for (unsigned cpu = 0; cpu < count; cpu++) {
		snprintf(path, sizeof path, "%s/cpu%u", folder, cpu);
		mkdir(path, 0755);
		snprintf(path, sizeof path, "%s/cpu%u/cpufreq", folder, cpu);
		mkdir(path, 0755);
		snprintf(path, sizeof path, "%s/cpu%u/%s", folder, cpu, name);
		FILE *file = numbers[cpu] ? fopen(path, "w") : NULL;
		if (file) {
			fprintf(file, "%ld\n", numbers[cpu]);
			fclose(file);
		}
	}
}

static const char *resolve(const char *cpus, const char *folder)
{
	static char out[AFFINITY_TEXT_BYTES];
	affinity_resolve(cpus, folder, out);
	return out;
}

TEST(numbers_stay_as_they_are)
{
	CHECK(!strcmp(resolve("", "/nowhere"), ""));
	CHECK(!strcmp(resolve("0-3,7", "/nowhere"), "0-3,7"));
}

TEST(without_a_word_of_the_kernel_both_are_all)
{
	char all[AFFINITY_TEXT_BYTES];
	CHECK(affinity_verify("", all) >= 0);
	CHECK(!strcmp(resolve("big", "/nowhere"), all));
	CHECK(!strcmp(resolve("little", "/nowhere"), all));
}

/* This needs two CPUs to tell apart; with one, both are that one. */
TEST(by_capacity_and_by_frequency)
{
	const long capacities[] = {446, 1024}, frequencies[] = {3900000, 2500000};
	bool two = affinity_count() >= 2;
	make_machine("arm", "cpu_capacity", capacities, 2);
	CHECK(!strcmp(resolve("big", "arm"), two ? "1" : "0"));
	CHECK(!strcmp(resolve("little", "arm"), "0"));
	make_machine("hybrid", "cpufreq/cpuinfo_max_freq", frequencies, 2);
	CHECK(!strcmp(resolve("big", "hybrid"), "0"));
	CHECK(!strcmp(resolve("little", "hybrid"), two ? "1" : "0"));
}
