/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sched_setscheduler(2) and setpriority(2), which on Linux both work on one thread. Libraries start threads as they like:
 * what was asked for is compared with what is read back.
 */
#include "scheduling.h"

#include <dirent.h>
#include <errno.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/types.h>

static const struct {
	const char *name;
	int policy;
} policies[] = {
    {"other", SCHED_OTHER}, {"batch", SCHED_BATCH}, {"idle", SCHED_IDLE}, {"fifo", SCHED_FIFO}, {"rr", SCHED_RR}};

static int policy_of(const char *name)
{
	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
		if (!strcmp(policies[i].name, name))
			return policies[i].policy;
	}
	return SCHED_OTHER;
}

static const char *name_of(int policy)
{
	for (size_t i = 0; i < sizeof policies / sizeof *policies; i++) {
		if (policies[i].policy == policy)
			return policies[i].name;
	}
	return "another";
}

static int set_policy(pid_t thread, int policy)
{
	const struct sched_param param = {.sched_priority = policy == SCHED_FIFO ? 1 : 0};

	return sched_setscheduler(thread, policy, &param) < 0 ? -errno : 0;
}

int scheduling_apply(const char *policy, int nice, char *error)
{
	int wanted = policy_of(policy), status = 0;

	if (wanted != SCHED_OTHER && (status = set_policy(0, wanted)) < 0) {
		snprintf(error, SCHEDULING_ERROR_BYTES, "key 'policy': cannot set %s: %s%s", policy, strerror(-status),
		         wanted == SCHED_FIFO ? "; fifo needs CAP_SYS_NICE" : "");
		return status;
	}
	if (nice && setpriority(PRIO_PROCESS, 0, nice) < 0) {
		status = -errno;
		snprintf(error, SCHEDULING_ERROR_BYTES,
		         "key 'nice': cannot set %d: %s; negative ones need CAP_SYS_NICE", nice, strerror(-status));
	}
	return status;
}

/* Write "batch nice 5" behind what is in out, if it is not there already. */
static void note(int policy, int nice, char *out)
{
	char text[32];
	size_t used = strlen(out);

	snprintf(text, sizeof text, nice ? "%s nice %d" : "%s", name_of(policy), nice);
	if (!strstr(out, text))
		snprintf(out + used, SCHEDULING_TEXT_BYTES - used, "%s%s", used ? "," : "", text);
}

int scheduling_verify(const char *policy, int nice, char *out)
{
	int wanted = policy_of(policy), differed = 0;
	DIR *folder = opendir("/proc/self/task");

	if (!folder)
		return -errno;
	*out = 0;
	for (struct dirent *entry; (entry = readdir(folder));) {
		pid_t thread = atoi(entry->d_name);
		int found = thread > 0 ? sched_getscheduler(thread) : -1;
		if (found < 0) /* "." and "..", or a thread that has just ended */
			continue;
		found &= ~SCHED_RESET_ON_FORK;
		int found_nice = getpriority(PRIO_PROCESS, (id_t)thread);
		/* without a wish of its own a process keeps what it was started with */
		bool wrong = (wanted != SCHED_OTHER && found != wanted) || (nice && found_nice != nice);
		if (wrong) {
			differed++;
			if (set_policy(thread, wanted) == 0)
				found = wanted;
			if (nice && setpriority(PRIO_PROCESS, (id_t)thread, nice) == 0)
				found_nice = nice;
		}
		note(found, found_nice, out);
	}
	closedir(folder);
	return differed;
}
