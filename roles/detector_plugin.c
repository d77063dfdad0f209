/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Loading of engines. They are looked for by name in a list of folders, so that the build tree and an installed program
 * work alike; a failure names the folders and what was in them.
 */
#include "detector_plugin.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PREFIX "zoetrope-detector-"
#define SUFFIX ".so"

/* From this program's folder: the build tree, then an installation (libexec/zoetrope beside lib/zoetrope). */
static const char *const beside[] = {"../drivers/detector", "../../lib/zoetrope"};

/* Folders with engines, joined by ':'. Those beside this program only if they exist: only one of them ever does. */
static char *engine_folders(void)
{
	char program[PATH_MAX] = "";
	ssize_t length = readlink("/proc/self/exe", program, sizeof(program) - 1);
	program[length < 0 ? 0 : length] = '\0';
	char *slash = strrchr(program, '/');
	if (slash)
		*slash = '\0';
	const char *wanted = getenv("ZOETROPE_DETECTOR_PATH");
	char *folders = strdup(wanted ? wanted : "");
	for (size_t i = 0; folders && i < sizeof(beside) / sizeof(beside[0]); i++) {
		char path[PATH_MAX + 32], real[PATH_MAX], *longer;
		snprintf(path, sizeof(path), "%s/%s", program, beside[i]);
		if (!realpath(path, real))
			continue;
		if (asprintf(&longer, "%s%s%s", folders, folders[0] ? ":" : "", real) < 0)
			longer = NULL;
		free(folders);
		folders = longer;
	}
	return folders;
}

/* Write the engines in a folder, "a, b", behind what is in text already. */
static void list_engines(const char *folder, char *text, size_t room)
{
	DIR *directory = opendir(folder);
	if (!directory)
		return;
	struct dirent *entry;
	while ((entry = readdir(directory))) {
		size_t length = strlen(entry->d_name), around = strlen(PREFIX) + strlen(SUFFIX), used = strlen(text);
		if (length <= around || strncmp(entry->d_name, PREFIX, strlen(PREFIX)) != 0 ||
		    strcmp(entry->d_name + length - strlen(SUFFIX), SUFFIX) != 0)
			continue;
		snprintf(text + used, room - used, "%s%.*s", used ? ", " : "", (int)(length - around),
		         entry->d_name + strlen(PREFIX));
	}
	closedir(directory);
}

/* Path of the engine's file in the first folder that has it. */
static int find(const char *name, char **out_path, char *error)
{
	if (strchr(name, '/')) {
		*out_path = strdup(name);
		return *out_path ? 0 : -ENOMEM;
	}
	char *folders = engine_folders();
	if (!folders)
		return -ENOMEM;
	char there[256] = "", *path = NULL;
	for (char *rest = folders; *rest && !path;) {
		char folder[PATH_MAX];
		int length = (int)strcspn(rest, ":");
		snprintf(folder, sizeof(folder), "%.*s", length, rest);
		if (asprintf(&path, "%s/" PREFIX "%s" SUFFIX, folder, name) < 0)
			path = NULL;
		if (path && access(path, F_OK) != 0) {
			free(path);
			path = NULL;
		}
		list_engines(folder, there, sizeof(there));
		rest += length + (rest[length] == ':');
	}
	if (!path)
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES,
		         "engine %s: no " PREFIX "%s" SUFFIX " in %s; engines there: %s", name, name,
		         folders[0] ? folders : "any folder", there[0] ? there : "none");
	free(folders);
	*out_path = path;
	return path ? 0 : -ENOENT;
}

static int check(const char *path, const struct zoe_detector_engine *engine, char *error)
{
	if (engine && engine->abi == ZOE_DETECTOR_ABI && engine->name && engine->help && engine->open &&
	    engine->input && engine->label && engine->infer && engine->close)
		return 0;
	if (!engine || engine->abi == ZOE_DETECTOR_ABI)
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "%s is no detector engine: its table has holes", path);
	else
		snprintf(
		    error, ZOE_DETECTOR_ERROR_BYTES,
		    "%s is an engine of ABI %u, this zoetrope takes ABI %u: build it with this zoetrope_detector.h",
		    path, engine->abi, ZOE_DETECTOR_ABI);
	return -EINVAL;
}

int detector_plugin_load(const char *name, const struct zoe_detector_engine **out_engine, char *error)
{
	snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "no memory to load engine %s", name);
	char *path = NULL;
	int status = find(name, &path, error);
	if (status < 0)
		return status;
	void *library = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	const struct zoe_detector_engine *(*get)(void) = NULL;
	if (library)
		*(void **)&get = dlsym(library, "zoe_detector_engine");
	if (!library) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES, "engine %s cannot be loaded: %s", name, dlerror());
		status = access(path, F_OK) == 0 ? -EINVAL : -ENOENT;
	} else if (!get) {
		snprintf(error, ZOE_DETECTOR_ERROR_BYTES,
		         "%s is no detector engine: it does not export zoe_detector_engine()", path);
		status = -EINVAL;
	} else {
		*out_engine = get();
		status = check(path, *out_engine, error);
	}
	if (status < 0 && library)
		dlclose(library);
	free(path);
	return status;
}

char *detector_model_folders(void)
{
	const char *models = getenv("ZOETROPE_MODELS"), *data = getenv("XDG_DATA_HOME"), *home = getenv("HOME");
	char *folders;
	int length;
	if (models && models[0])
		length = asprintf(&folders, "%s", models);
	else if (data && data[0])
		length = asprintf(&folders, "%s/zoetrope/models:/usr/share/zoetrope/models", data);
	else
		length =
		    asprintf(&folders, "%s/.local/share/zoetrope/models:/usr/share/zoetrope/models", home ? home : "");
	return length < 0 ? NULL : folders;
}
