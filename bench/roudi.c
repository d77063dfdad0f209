/* SPDX-License-Identifier: Apache-2.0 */
/*
 * iceoryx's daemon RouDi, which owns the memory of all its users. One can run on a machine at a time: its names in
 * /dev/shm are fixed.
 */
#include "bench.h"
#include "measure.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define READY    "RouDi is ready for clients"
#define START_NS 20000000000 /* it writes to all of its memory first */

static pid_t roudi;
static int output = -1;

/* Chunks: what all senders fill, what all queues and hands of receivers hold. 512: headers of iceoryx and of its users. */
static void write_pool(const struct bench_work *work, const char *path)
{
	unsigned chunks = work->senders * 16 + 2 * work->depth + 2 * (work->receivers + work->stall) + 8;
	FILE *file = fopen(path, "we");

	if (!file)
		bench_fail("%s: %s", path, strerror(errno));
	fprintf(file, "[general]\nversion = 1\n[[segment]]\n[[segment.mempool]]\nsize = %zu\ncount = %u\n",
	        (work->size + 512 + 63) / 64 * 64, chunks);
	fclose(file);
}

/* Wait for its sentence. */
static void await_ready(void)
{
	const int64_t end = bench_now_ns() + START_NS;
	char text[8192];
	size_t used = 0;

	for (;;) {
		struct pollfd ready = {.fd = output, .events = POLLIN};
		ssize_t got = poll(&ready, 1, 100) > 0 ? read(output, text + used, sizeof(text) - 1 - used) : 0;

		used += got > 0 ? (size_t)got : 0;
		text[used] = '\0';
		if (strstr(text, READY))
			return;
		if (waitpid(roudi, NULL, WNOHANG) == roudi) {
			roudi = 0;
			bench_unlink("roudi.toml");
			bench_fail("iox-roudi (package iceoryx) did not start; does another one run? It said: %s",
			           text);
		}
		if (bench_now_ns() > end)
			bench_fail("iox-roudi did not say \"%s\" in time", READY);
	}
}

void bench_roudi_start(const struct bench_work *work)
{
	char path[256];
	int ends[2];

	snprintf(path, sizeof(path), "/dev/shm/%s-roudi.toml", bench_name());
	write_pool(work, path);
	if (pipe2(ends, O_CLOEXEC) < 0)
		bench_fail("pipe: %s", strerror(errno));
	roudi = fork();
	if (roudi < 0)
		bench_fail("fork: %s", strerror(errno));
	if (roudi == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		dup2(ends[1], STDOUT_FILENO);
		dup2(ends[1], STDERR_FILENO);
		/* no monitoring: it takes a process that the machine holds up for 1.5 s for dead */
		execlp("iox-roudi", "iox-roudi", "-m", "off", "-c", path, (char *)NULL);
		printf("%s\n", strerror(errno));
		fflush(stdout);
		_exit(127);
	}
	close(ends[1]);
	output = ends[0];
	await_ready();
}

static void remove_all(const char *pattern)
{
	glob_t found;

	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			unlink(found.gl_pathv[i]);
		globfree(&found);
	}
}

/* What it and its users leave: its segments, and the sockets of those that were killed. There was no other daemon. */
static void remove_names(void)
{
	const struct passwd *user = getpwuid(getuid());
	char text[256];

	shm_unlink("/iceoryx_mgmt");
	snprintf(text, sizeof(text), "/%s", user ? user->pw_name : "");
	shm_unlink(text);
	snprintf(text, sizeof(text), "/tmp/%s-*", bench_name());
	remove_all(text);
	remove_all("/tmp/iceoryx_rt_*");
	bench_unlink("roudi.toml");
}

void bench_roudi_stop(void)
{
	const int64_t end = bench_now_ns() + 5000000000;

	if (roudi <= 0)
		return;
	kill(roudi, SIGTERM);
	while (waitpid(roudi, NULL, WNOHANG) == 0) {
		usleep(1000);
		if (bench_now_ns() > end)
			kill(roudi, SIGKILL);
	}
	roudi = 0;
	remove_names();
}
