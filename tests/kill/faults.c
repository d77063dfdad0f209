/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Failures of libc that the walks provoke. Calls whose failure changes nothing (munmap, madvise of a mapping for core
 * dumps) or cannot be (close, clock_gettime) are not here; neither is what only computes.
 */
#include "faults.h"

#include <dlfcn.h>
#include <errno.h>
#include <stddef.h>

static const struct fault faults[] = {
    {"calloc", 0, ENOMEM},     {"strdup", 0, ENOMEM},     {"open", -1, EMFILE},      {"openat", -1, EMFILE},
    {"openat", -1, ENOENT},    {"fstat", -1, EIO},        {"fstatat64", -1, ENOENT}, {"fcntl", -1, ENOLCK},
    {"fcntl", -1, EAGAIN},     {"mmap", -1, ENOMEM},      {"madvise", -1, EINVAL},   {"mkdir", -1, EACCES},
    {"mkdirat", -1, ENOSPC},   {"fchmod", -1, EPERM},     {"fchmodat", -1, EPERM},   {"ftruncate", -1, EFBIG},
    {"fallocate", -1, ENOSPC}, {"fallocate", -1, EINTR},  {"fallocate", -1, EIO},    {"renameat", -1, EACCES},
    {"renameat2", -1, EEXIST}, {"renameat2", -1, EACCES}, {"fdopendir", 0, ENOMEM},  {"pread", -1, EIO},
    {"pwrite", -1, EIO},       {"mkfifoat", -1, EACCES},  {"read", -1, EINTR},       {"write", -1, EINTR},
    {"write", -1, EAGAIN},     {"syscall", -1, EINTR},    {"getrandom", -1, ENOSYS}, {"scandirat", -1, ENOMEM},
    {"nanosleep", -1, EINTR},  {"unlinkat", -1, EBUSY},   {"mmap", -1, ENODEV},      {"openat", -1, ELOOP},
    {"pread", 3, 0},           {"pwrite", 3, 0},          {"readdir", 0, EIO},
};

const struct fault *fault_of(uintptr_t function, unsigned nth)
{
	static uintptr_t addresses[sizeof(faults) / sizeof(faults[0])];

	for (unsigned i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (!addresses[i])
			addresses[i] = (uintptr_t)dlsym(RTLD_DEFAULT, faults[i].function);
		if (addresses[i] == function && nth-- == 0)
			return &faults[i];
	}
	return NULL;
}

bool fault_possible(uintptr_t function)
{
	static const char *const others[] = {"close", "munmap", "closedir"};
	static uintptr_t addresses[3];

	if (function == 0)
		return false;
	for (unsigned i = 0; i < 3; i++) {
		if (!addresses[i])
			addresses[i] = (uintptr_t)dlsym(RTLD_DEFAULT, others[i]);
		if (addresses[i] == function)
			return true;
	}
	return fault_of(function, 0);
}
