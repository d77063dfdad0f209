/* SPDX-License-Identifier: Apache-2.0 */
/* main() of every C test program: list the cases, run one, count the descriptors it leaves open. */
#include "check.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#define DESCRIPTORS_MAX 1024

/* libuv keeps a pipe for signals until it is told to end; programs without libuv do not have the function. */
__attribute__((weak)) void uv_library_shutdown(void);

static struct check_case *cases;

void check_register(struct check_case *test)
{
	struct check_case **end = &cases;

	while (*end)
		end = &(*end)->next;
	*end = test;
}

void check_failed(const char *file, int line, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fprintf(stderr, "%s:%d: ", file, line);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	_Exit(1);
}

/* Mark the descriptors that are open now. */
static void descriptors_look(bool open_now[DESCRIPTORS_MAX])
{
	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++)
		open_now[fd] = fcntl(fd, F_GETFD) >= 0;
}

/* Fail if a descriptor is open that was not before, naming it. */
static void descriptors_compare(const bool before[DESCRIPTORS_MAX])
{
	bool now[DESCRIPTORS_MAX];

	descriptors_look(now);
	for (int fd = 0; fd < DESCRIPTORS_MAX; fd++) {
		char link[64], target[256] = "";

		if (!now[fd] || before[fd])
			continue;
		snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
		ssize_t length = readlink(link, target, sizeof(target) - 1);
		target[length > 0 ? length : 0] = '\0';
		check_failed(__FILE__, __LINE__, "left behind: descriptor %d, %s", fd, target);
	}
}

static void run_case(const struct check_case *test)
{
	bool before[DESCRIPTORS_MAX];

	descriptors_look(before);
	test->run();
	if (uv_library_shutdown)
		uv_library_shutdown();
	descriptors_compare(before);
}

int main(int argc, char **argv)
{
	bool list = argc == 2 && !strcmp(argv[1], "--list");

	for (struct check_case *test = cases; test; test = test->next) {
		if (list) {
			puts(test->name);
		} else if (argc == 2 && !strcmp(argv[1], test->name)) {
			run_case(test);
			return 0;
		}
	}
	if (list)
		return 0;
	fprintf(stderr, "usage: %s --list | CASE\n", argv[0]);
	return 2;
}
