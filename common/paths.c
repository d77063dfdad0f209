/* SPDX-License-Identifier: Apache-2.0 */
/* Finds sibling executables relative to /proc/self/exe, so that a build folder and a moved installation both work. */
#include "paths.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* As seen from the folder of an executable: a role's own folder, build/cli -> build/roles, bin -> libexec. */
static const char *const places[] = {".", "../roles", "../libexec/zoetrope"};

static int own_folder(char *out, size_t size)
{
	ssize_t length = readlink("/proc/self/exe", out, size - 1);

	if (length < 0)
		return -errno;
	out[length] = 0;
	char *slash = strrchr(out, '/');
	if (!slash)
		return -ENOENT;
	*slash = 0;
	return 0;
}

int paths_program(const char *name, char *out, size_t size)
{
	char folder[PATH_MAX];
	int status = own_folder(folder, sizeof folder);

	for (size_t i = 0; !status && i < sizeof places / sizeof *places; i++) {
		int length = snprintf(out, size, "%s/%s/zoetrope-%s", folder, places[i], name);
		if (length < 0 || (size_t)length >= size)
			return -ENAMETOOLONG;
		if (!access(out, X_OK))
			return 0;
	}
	return status < 0 ? status : -ENOENT;
}
