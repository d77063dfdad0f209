/* SPDX-License-Identifier: Apache-2.0 */
/* Start any program as a child with a channel: docs/protocol.md. */
#ifndef ZOETROPE_CONTROL_SPAWN_H
#define ZOETROPE_CONTROL_SPAWN_H

#include <sys/types.h>

struct spawned {
	pid_t pid;   /* also its process group, so that the terminal's Ctrl-C reaches control alone */
	int pidfd;   /* readable when it has ended */
	int channel; /* our end of its socket; the child's is descriptor 3 */
};

/*
 * program  path; a name without '/' is looked for in PATH
 * argv     argv[0] is the title that ps shows
 * secrets  strings "NAME=value" for its environment, the last one NULL; NULL = none
 * domain   for its ZOETROPE_DOMAIN
 *
 * The child gets /dev/null as input, our standard error as output and error, no other descriptor, no blocked or ignored
 * signal.
 *
 * Returns 0 | -errno of executing it
 */
int spawn_start(const char *program, char *const *argv, char *const *secrets, const char *domain, struct spawned *out);

#endif
