/* SPDX-License-Identifier: Apache-2.0 */
/* The other side of detector_process.c: a process that looks at frames as it is told, and tells what it has found. */
#ifndef ZOETROPE_DETECTOR_MEMBER_H
#define ZOETROPE_DETECTOR_MEMBER_H

#include "common/role.h"

/* As of struct role_ops. */
int member_open(struct role *role);
void member_close(struct role *role);

#endif
