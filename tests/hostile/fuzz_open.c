/* SPDX-License-Identifier: Apache-2.0 */
/* open_once() for libFuzzer, which looks for inputs that reach new code. Built by clang. */
#include "open_once.h"

#include <stdlib.h>

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	if (open_once_begin(getenv("ZOETROPE_SMALL") != NULL) < 0)
		exit(1);
	return atexit(open_once_end);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	open_once(data, size);
	return 0;
}
