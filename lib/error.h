/* SPDX-License-Identifier: Apache-2.0 */
/* One sentence a thread about the last failure, and clean-up of locals. Everybody in lib/ may include this. */
#ifndef ZI_ERROR_H
#define ZI_ERROR_H

#include <stdlib.h>
#include <unistd.h>

/* Record what was wanted, what was there, what to do. Returns code, so that a caller can `return zi_fail(...)`. */
int zi_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* zi_fail() after an openat() of something that belongs to a topic, which format names: -EBADMSG if errno says that
 * something else lies in its place (a link, a directory, a socket), else -errno. */
int zi_open_failed(const char *format, ...) __attribute__((format(printf, 1, 2), nonnull(1)));

static inline void zi_close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}

#define zi_autoclose __attribute__((cleanup(zi_close_fd)))

static inline int zi_steal_fd(int *fd)
{
	int stolen = *fd;

	*fd = -1;
	return stolen;
}

#endif
