/* SPDX-License-Identifier: Apache-2.0 */
/* Repair looks whether the owner lives, and clears the record without its lock byte. expect: two_owners */
#define BREAK_REPAIR_WITHOUT_LOCK
#define PEERS 3
#define TOPICS 2
#define DEATHS 1
#include "../life.pml"
