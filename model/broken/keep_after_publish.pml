/* SPDX-License-Identifier: Apache-2.0 */
/* A slot that a decoder refers to is named when it is published already. expect: torn */
#define BREAK_KEEP_AFTER
#define KEEPS
#define PUBS 2
#define SUBS 1
#define READERS 0
#define SLOTS 4
#define FRAMES 4
#define DEATHS 0
#include "../hot.pml"
