/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who lives: a record's owner holds an open-file-description lock on the record's byte, through a mapping and not a
 * descriptor, so that neither close nor fork nor a second copy of the library can drop or prolong it
 * (fcntl_locking(2)).
 */
#ifndef ZI_ALIVE_H
#define ZI_ALIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <unistd.h>

/* Lock byte `record` of file for as long as the mapping lives. Returns 0 | -EAGAIN (somebody has it) | -errno. */
int zi_alive_take(int directory, const char *file, unsigned record, void **out_lock);
void zi_alive_drop(void *lock);

/* Has somebody the byte (first..first+count-1)? fd holds no such lock itself. */
bool zi_alive_any(int fd, unsigned first, unsigned count);

/* Take the byte of a dead owner for the time of a repair. Returns a descriptor that holds it | -EAGAIN | -errno. */
int zi_alive_borrow(int directory, const char *file, unsigned record);

/* The short lock for joining, on fd. Waits at most timeout_ns. zi_join_unlock() or the end of the process drops it. */
int zi_join_lock(int fd, int64_t timeout_ns);
void zi_join_unlock(int fd);

/*
 * A page that reads 0 in a forked child. Where the system cannot do that (a kernel before 4.14, some sandboxes, an
 * emulator), it holds the process id, which costs a system call at each look.
 */
struct zi_fork_mark {
	uint8_t here; /* 1 by itself, 2 if the process id must be compared */
	pid_t pid;
};
int zi_fork_mark(struct zi_fork_mark **out);
void zi_fork_unmark(struct zi_fork_mark *mark);

/* Is this the process that made the mark? */
static inline bool zi_fork_here(const struct zi_fork_mark *mark)
{
	return mark->here == 1 || (mark->here == 2 && mark->pid == getpid());
}

#endif
