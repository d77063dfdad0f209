/* SPDX-License-Identifier: Apache-2.0 */
/* A subscriber pins before its record is seen to be in use. expect: torn */
#define BREAK_BIT_AFTER_PIN
#define PUBS 2
#define SUBS 1
#define SLOTS 3
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
