/* SPDX-License-Identifier: Apache-2.0 */
/* The new generation has its first number before the sleepers of the old one are woken. expect: slept */
#define BREAK_FIRST_BEFORE_WAKE
#define PUBS 1
#define FRAMES 2
#define MADE 2
#define DEATHS 1
#include "../shape.pml"
