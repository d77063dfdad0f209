/* SPDX-License-Identifier: Apache-2.0 */
/* Head is advanced over the closed word first and marked closed then. expect: twice */
#define BREAK_BIT_LATER
#define PUBS 2
#define FRAMES 3
#define MADE 2
#define DEATHS 0
#include "../shape.pml"
