/* SPDX-License-Identifier: Apache-2.0 */
/* Reads /proc/PID/stat, /proc/PID/status and /proc/PID/task/PID/children (proc(5)). */
#include "control_stat.h"
#include "zoetrope.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int read_text(pid_t pid, const char *name, char *out, size_t size)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/%d/%s", (int)pid, name);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return errno == ENOENT ? -ESRCH : -errno;
	ssize_t count = read(fd, out, size - 1);
	int status = count < 0 ? -errno : 0;
	close(fd);
	out[count > 0 ? count : 0] = 0;
	return status;
}

/* Fields 14 and 15 of stat, counted behind the command's name, which may hold anything. */
static int read_cpu(pid_t pid, int64_t *out_ns)
{
	char text[1024];
	unsigned long user, kernel;
	int status = read_text(pid, "stat", text, sizeof text);
	const char *behind = strrchr(text, ')');

	if (status < 0)
		return status;
	if (!behind || sscanf(behind, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu", &user, &kernel) != 2)
		return -ESRCH;
	*out_ns = (int64_t)((double)(user + kernel) * 1e9 / (double)sysconf(_SC_CLK_TCK));
	return 0;
}

/* The number behind "NAME:", 0 if there is none. */
static int64_t field(const char *text, const char *name)
{
	const char *at = strstr(text, name);

	return at ? strtoll(at + strlen(name), NULL, 10) : 0;
}

static void read_cpus(const char *text, char *out, size_t size)
{
	const char *at = strstr(text, "\nCpus_allowed_list:");

	if (!at)
		return;
	at += strlen("\nCpus_allowed_list:");
	at += strspn(at, " \t");
	snprintf(out, size, "%.*s", (int)strcspn(at, "\n"), at);
}

int stat_take(pid_t pid, struct stat_sample *sample)
{
	char text[4096];
	int64_t cpu_ns = 0, now_ns = zoe_now_ns();
	int status = read_cpu(pid, &cpu_ns);

	if (!status)
		status = read_text(pid, "status", text, sizeof text);
	if (status < 0)
		return status;
	sample->cpu_percent = -1;
	if (sample->taken_ns && now_ns > sample->taken_ns)
		sample->cpu_percent = 100.0 * (double)(cpu_ns - sample->cpu_ns) / (double)(now_ns - sample->taken_ns);
	sample->taken_ns = now_ns;
	sample->cpu_ns = cpu_ns;
	sample->memory_bytes = (field(text, "\nRssAnon:") + field(text, "\nRssFile:")) * 1024;
	sample->shared_bytes = field(text, "\nRssShmem:") * 1024;
	sample->threads = (unsigned)field(text, "\nThreads:");
	read_cpus(text, sample->cpus, sizeof sample->cpus);
	return 0;
}

static const struct stat_child *find_child(const struct stat_children *children, pid_t pid)
{
	for (unsigned i = 0; i < children->count; i++) {
		if (children->items[i].pid == pid)
			return &children->items[i];
	}
	return NULL;
}

void stat_take_children(pid_t pid, struct stat_children *children)
{
	char name[32], text[1024];
	const struct stat_children before = *children;

	children->count = 0;
	snprintf(name, sizeof name, "task/%d/children", (int)pid);
	if (read_text(pid, name, text, sizeof text) < 0)
		return;
	for (char *at = text, *end; children->count < STAT_CHILDREN; at = end) {
		struct stat_child child = {.pid = (pid_t)strtol(at, &end, 10)};
		const struct stat_child *known = find_child(&before, child.pid);
		if (end == at)
			return;
		if (known)
			child = *known;
		if (read_text(child.pid, "comm", child.program, sizeof child.program) < 0 ||
		    stat_take(child.pid, &child.sample) < 0)
			continue;
		child.program[strcspn(child.program, "\n")] = 0;
		children->items[children->count++] = child;
	}
}
