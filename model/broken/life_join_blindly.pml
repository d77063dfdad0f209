/* SPDX-License-Identifier: Apache-2.0 */
/* A joiner looks neither whether the topic still has its name nor whether anybody lives in it. expect: orphan */
#define BREAK_JOIN_BLINDLY
#define PEERS 3
#define TOPICS 2
#define DEATHS 0
#include "../life.pml"
