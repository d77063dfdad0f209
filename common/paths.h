/* SPDX-License-Identifier: Apache-2.0 */
/* Where the program's other executables lie, as seen from this one: in the build folder, or installed under any prefix.
 */
#ifndef ZOETROPE_PATHS_H
#define ZOETROPE_PATHS_H

#include <stddef.h>

/*
 * Path of the executable zoetrope-NAME: build/roles beside build/cli, or libexec/zoetrope beside bin.
 *
 * Returns 0 | -ENOENT (out holds the last place looked at) | -ENAMETOOLONG | -errno of reading /proc/self/exe
 */
int paths_program(const char *name, char *out, size_t size);

#endif
