/* SPDX-License-Identifier: Apache-2.0 */
/* posix_spawnp(3) with everything that a child may and may not inherit. */
#include "control_spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define CHANNEL_FD 3

extern char **environ;

static int set_actions(posix_spawn_file_actions_t *actions, int channel)
{
	int status = posix_spawn_file_actions_addopen(actions, 0, "/dev/null", O_RDONLY, 0);

	if (!status) /* standard output is for control's status lines alone */
		status = posix_spawn_file_actions_adddup2(actions, 2, 1);
	if (!status)
		status = posix_spawn_file_actions_adddup2(actions, channel, CHANNEL_FD);
	if (!status) /* what control itself has inherited from whoever started it */
		status = posix_spawn_file_actions_addclosefrom_np(actions, CHANNEL_FD + 1);
	return -status;
}

static int set_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none, all;

	sigemptyset(&none);
	sigfillset(&all);
	int status = posix_spawnattr_setflags(attributes,
	                                      POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!status)
		status = posix_spawnattr_setpgroup(attributes, 0);
	if (!status)
		status = posix_spawnattr_setsigmask(attributes, &none);
	if (!status)
		status = posix_spawnattr_setsigdefault(attributes, &all);
	return -status;
}

/* environ with the secrets, and ZOETROPE_CHANNEL and ZOETROPE_DOMAIN as the child needs them: the array is new, its last
 * two strings too. */
static char **make_environment(char *const *secrets, const char *domain, size_t *out_own)
{
	size_t count = 0, used = 0, secret_count = 0;

	while (environ[count])
		count++;
	while (secrets && secrets[secret_count])
		secret_count++;
	char **environment = calloc(count + secret_count + 3, sizeof *environment);
	for (size_t i = 0; environment && i < count; i++) {
		if (strncmp(environ[i], "ZOETROPE_CHANNEL=", 17) && strncmp(environ[i], "ZOETROPE_DOMAIN=", 16))
			environment[used++] = environ[i];
	}
	for (size_t i = 0; environment && i < secret_count; i++)
		environment[used++] = secrets[i];
	*out_own = used;
	if (environment && (asprintf(&environment[used], "ZOETROPE_CHANNEL=%d", CHANNEL_FD) < 0 ||
	                    asprintf(&environment[used + 1], "ZOETROPE_DOMAIN=%s", domain) < 0))
		abort(); /* a few bytes are not there: nothing sensible can follow */
	return environment;
}

static void free_environment(char **environment, size_t own)
{
	if (environment) {
		free(environment[own]);
		free(environment[own + 1]);
	}
	free(environment);
}

static int spawn(const char *program, char *const *argv, char *const *environment, int channel, pid_t *out_pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;

	posix_spawn_file_actions_init(&actions);
	posix_spawnattr_init(&attributes);
	int status = set_actions(&actions, channel);
	if (!status)
		status = set_attributes(&attributes);
	if (!status)
		status = -posix_spawnp(out_pid, program, &actions, &attributes, argv, environment);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attributes);
	return status;
}

int spawn_start(const char *program, char *const *argv, char *const *secrets, const char *domain, struct spawned *out)
{
	int ends[2];
	size_t own;
	struct spawned spawned = {0};

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
		return -errno;
	char **environment = make_environment(secrets, domain, &own);
	int status = environment ? spawn(program, argv, environment, ends[1], &spawned.pid) : -ENOMEM;
	free_environment(environment, own);
	close(ends[1]);
	if (!status && (spawned.pidfd = pidfd_open(spawned.pid, 0)) < 0) { /* close-on-exec by itself */
		status = -errno;
		kill(spawned.pid, SIGKILL);
		waitpid(spawned.pid, NULL, 0);
	}
	if (status < 0) {
		close(ends[0]);
		return status;
	}
	spawned.channel = ends[0];
	*out = spawned;
	return 0;
}
