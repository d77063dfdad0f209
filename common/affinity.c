/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CPU affinity through sched_setaffinity(2). The kernel silently leaves out CPUs that do not exist or that the cpuset
 * of the container forbids, so what was asked for is always compared with what is read back.
 */
#include "affinity.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CPUS_MAX 4096 /* as in options_value.c */

struct cpus {
	cpu_set_t sets[CPUS_MAX / CPU_SETSIZE];
};

/* cpus has the form that OPTION_CPUS checks. */
static struct cpus parse(const char *text)
{
	struct cpus cpus = {0};

	for (char *at = (char *)text; *at;) {
		unsigned long first = strtoul(at, &at, 10), last = first;
		if (*at == '-')
			last = strtoul(at + 1, &at, 10);
		for (unsigned long cpu = first; cpu <= last && cpu < CPUS_MAX; cpu++)
			CPU_SET_S(cpu, sizeof cpus, cpus.sets);
		if (*at != ',')
			break;
		at++;
	}
	return cpus;
}

static bool has(const struct cpus *cpus, unsigned cpu)
{
	return cpu < CPUS_MAX && CPU_ISSET_S(cpu, sizeof *cpus, cpus->sets);
}

static void print(const struct cpus *cpus, char *out, size_t size)
{
	size_t length = 0;

	*out = 0;
	for (unsigned cpu = 0; cpu < CPUS_MAX && length < size; cpu++) {
		unsigned last = cpu;
		if (!has(cpus, cpu))
			continue;
		while (has(cpus, last + 1))
			last++;
		length += (size_t)snprintf(out + length, size - length, last > cpu ? "%s%u-%u" : "%s%u",
		                           length ? "," : "", cpu, last);
		cpu = last;
	}
}

static int read_back(pid_t thread, struct cpus *out)
{
	*out = (struct cpus){0};
	return sched_getaffinity(thread, sizeof *out, out->sets) < 0 ? -errno : 0;
}

static bool equal(const struct cpus *a, const struct cpus *b)
{
	return CPU_EQUAL_S(sizeof *a, a->sets, b->sets);
}

/* Which CPUs may this process have at all? Asks the kernel for all and reads back what it gave. */
static struct cpus available(void)
{
	struct cpus all, got = {0};

	memset(&all, 0xff, sizeof all);
	if (!sched_setaffinity(0, sizeof all, all.sets))
		read_back(0, &got);
	return got;
}

/* A number in a file of a CPU's folder; 0 = there is none. */
static long read_number(const char *folder, unsigned cpu, const char *name)
{
	char path[512], text[32] = "";

	snprintf(path, sizeof path, "%s/cpu%u/%s", folder, cpu, name);
	FILE *file = fopen(path, "re");
	if (!file)
		return 0;
	if (!fgets(text, sizeof text, file))
		text[0] = 0;
	fclose(file);
	return strtol(text, NULL, 10);
}

/* Arm's kernels tell a capacity; x86 with two kinds of cores tells by their highest frequency. */
static long capacity(const char *folder, unsigned cpu)
{
	long found = read_number(folder, cpu, "cpu_capacity");

	return found ? found : read_number(folder, cpu, "cpufreq/cpuinfo_max_freq");
}

void affinity_resolve(const char *cpus, const char *folder, char *out)
{
	bool big = !strcmp(cpus, "big");
	size_t length = strnlen(cpus, AFFINITY_TEXT_BYTES - 1);
	struct cpus all = {0}, chosen = {0};
	long best = 0;

	memcpy(out, cpus, length);
	out[length] = '\0';
	if ((!big && strcmp(cpus, "little")) || read_back(0, &all) < 0)
		return;
	for (unsigned cpu = 0; cpu < CPUS_MAX; cpu++) {
		if (!has(&all, cpu))
			continue;
		long found = capacity(folder, cpu);
		if (CPU_COUNT_S(sizeof chosen, chosen.sets) == 0 || (big ? found > best : found < best)) {
			best = found;
			chosen = (struct cpus){0};
		}
		if (found == best)
			CPU_SET_S(cpu, sizeof chosen, chosen.sets);
	}
	print(&chosen, out, AFFINITY_TEXT_BYTES);
}

unsigned affinity_count(void)
{
	struct cpus got;
	int count = read_back(0, &got) < 0 ? 0 : CPU_COUNT_S(sizeof got, got.sets);

	return count > 0 ? (unsigned)count : 1;
}

int affinity_apply(const char *cpus, char *error)
{
	struct cpus wanted = parse(cpus), before, got;

	if (!*cpus)
		return 0;
	int status = read_back(0, &before);
	if (!status && sched_setaffinity(0, sizeof wanted, wanted.sets) < 0)
		status = -errno;
	if (!status)
		status = read_back(0, &got);
	if (!status && equal(&wanted, &got))
		return 0;
	if (status < 0 && status != -EINVAL) {
		snprintf(error, AFFINITY_ERROR_BYTES, "key 'cpus': cannot run on CPU %s: %s", cpus, strerror(-status));
		return status;
	}
	char there[AFFINITY_TEXT_BYTES];
	struct cpus all = available();
	print(&all, there, sizeof there);
	sched_setaffinity(0, sizeof before, before.sets);
	snprintf(error, AFFINITY_ERROR_BYTES, "key 'cpus': wanted CPU %.60s, but this process can have only %.100s",
	         cpus, there);
	return -EINVAL;
}

int affinity_verify(const char *cpus, char *out_cpus)
{
	struct cpus wanted = parse(cpus), seen = {0};
	int differed = 0;
	DIR *folder = opendir("/proc/self/task");

	if (!folder)
		return -errno;
	for (struct dirent *entry; (entry = readdir(folder));) {
		pid_t thread = atoi(entry->d_name);
		struct cpus got;
		if (thread <= 0 || read_back(thread, &got) < 0) /* "." and "..", or a thread that has just ended */
			continue;
		if (*cpus && !equal(&wanted, &got)) {
			differed++;
			if (!sched_setaffinity(thread, sizeof wanted, wanted.sets))
				read_back(thread, &got);
		}
		CPU_OR_S(sizeof seen, seen.sets, seen.sets, got.sets);
	}
	closedir(folder);
	print(&seen, out_cpus, AFFINITY_TEXT_BYTES);
	return differed;
}
