/* SPDX-License-Identifier: Apache-2.0 */
/* The checks themselves: what they accept, and that a failing one ends the process with status 1 and says why. */
#include "check.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

/* Run work in a child; give its exit status, and what it wrote to standard error. */
static int in_child(void (*work)(void), char *said, size_t size)
{
	int out[2], status = 0;
	size_t length = 0;

	CHECK(!pipe2(out, O_CLOEXEC));
	pid_t pid = fork();
	CHECK(pid >= 0);
	if (!pid) {
		dup2(out[1], STDERR_FILENO);
		work();
		_exit(0);
	}
	close(out[1]);
	for (ssize_t got; length < size - 1 && (got = read(out[0], said + length, size - 1 - length)) > 0;)
		length += (size_t)got;
	said[length] = '\0';
	close(out[0]);
	CHECK_EQ(waitpid(pid, &status, 0), pid);
	return WEXITSTATUS(status);
}

static void compare_wrong(void)
{
	CHECK_EQ(2 + 2, 5);
}

static void compare_right(void)
{
	CHECK_EQ(2 + 2, 4);
	CHECK_HAS("a haystack", "hay");
}

TEST(passing)
{
	char said[512];

	CHECK_EQ(in_child(compare_right, said, sizeof(said)), 0);
	CHECK(!*said);
}

TEST(failing)
{
	char said[512];

	CHECK_EQ(in_child(compare_wrong, said, sizeof(said)), 1);
	CHECK_HAS(said, "test_check.c");
	CHECK_HAS(said, "2 + 2 is 4, wanted 5 = 5");
}
