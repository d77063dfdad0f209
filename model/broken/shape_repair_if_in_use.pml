/* SPDX-License-Identifier: Apache-2.0 */
/* A joiner repairs its record only if it is in use in the newest generation: its last owner published in the old one, and
 * died before it woke those who poll. expect: slept */
#define BREAK_REPAIR_IF_IN_USE
#define POLLS
#define PUBLISHERS_DIE
#define PUBS 2
#define FRAMES 1
#define MADE 2
#define DEATHS 2
#include "../shape.pml"
