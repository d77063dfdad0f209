/* SPDX-License-Identifier: Apache-2.0 */
/* A stale topic is removed under one of its two join locks. expect: orphan */
#define BREAK_REMOVE_WITH_ONE_LOCK
#define PEERS 3
#define TOPICS 2
#define DEATHS 0
#include "../life.pml"
