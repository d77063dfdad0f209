/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one control process of a domain: control.lock, on which it holds a file lock that the kernel drops when it dies,
 * and the socket control.sock on which `zoetrope ctl` finds it.
 */
#ifndef ZOETROPE_INSTANCE_H
#define ZOETROPE_INSTANCE_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Become the domain's one control process, or make sure that there is none.
 *
 * domain     path of its directory
 * out_fd     holds the lock; give it to instance_unlock(). The process must not open the lock file again meanwhile
 * out_other  on -EBUSY: the process that holds the lock; 0 = one that this process cannot see
 *
 * Returns 0 | -EBUSY | -errno of opening the file
 */
int instance_lock(const char *domain, int *out_fd, pid_t *out_other);

/* Remove both files and let go. */
void instance_unlock(const char *domain, int fd);

/* Remove the domain's directory if it is empty, unless it is a group's (setgid), which somebody has made on purpose. */
void instance_remove_directory(const char *domain);

/* Who is the domain's control process? Returns its pid | 0 (there is none) | -errno. */
pid_t instance_running(const char *domain);

/* A listening (backlog 16, mode 0600) or a connected socket at control.sock. Returns the descriptor | -errno. */
int instance_listen(const char *domain);
int instance_connect(const char *domain);

#endif
