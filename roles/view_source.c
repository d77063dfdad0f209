/* SPDX-License-Identifier: Apache-2.0 */
/* A camera process of our own, for a file or a device that no configuration names. It dies with us. See view.h. */
#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/paths.h"
#include "view.h"

int source_start(struct source *out, const char *uri)
{
	struct source source = {.domain = "/dev/shm/zoetrope-view-XXXXXX"};
	char program[PATH_MAX], from[PATH_MAX + 16], domain[96];
	if (paths_program("camera", program, sizeof(program)) < 0) {
		fprintf(stderr, "zoetrope: view: cannot find %s: build or install it\n", program);
		return -ENOENT;
	}
	if (!mkdtemp(source.domain)) {
		fprintf(stderr, "zoetrope: view: cannot make a folder in /dev/shm: %s\n", strerror(errno));
		return -errno;
	}
	snprintf(from, sizeof(from), "--source=%s", uri);
	snprintf(domain, sizeof(domain), "--domain=%s", source.domain);
	char *const argv[] = {program, "--name=" SOURCE_TOPIC, "--log=error", from, domain, NULL};
	pid_t parent = getpid();
	source.pid = fork();
	if (source.pid < 0) {
		fprintf(stderr, "zoetrope: view: cannot start a process: %s\n", strerror(errno));
		rmdir(source.domain);
		return -EAGAIN;
	}
	if (!source.pid) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() == parent)
			execv(program, argv);
		_exit(127);
	}
	*out = source;
	return 0;
}

bool source_ended(struct source *source)
{
	if (source->pid <= 0 || waitpid(source->pid, NULL, WNOHANG) != source->pid)
		return false;
	source->pid = 0;
	return true;
}

void source_stop(struct source *source)
{
	if (source->pid > 0) {
		kill(source->pid, SIGTERM);
		while (waitpid(source->pid, NULL, 0) < 0 && errno == EINTR)
			;
	}
	source->pid = 0;
	if (source->domain[0])
		rmdir(source->domain);
}
