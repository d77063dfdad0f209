/* SPDX-License-Identifier: Apache-2.0 */
/* Who leaves drops its byte and clears its record then, which is another's by now. expect: two_owners */
#define BREAK_BYTE_BEFORE_RECORD
#define PEERS 3
#define TOPICS 2
#define DEATHS 0
#include "../life.pml"
