/* SPDX-License-Identifier: Apache-2.0 */
/* A joiner takes the newest generation though it has no first number, and begins with zero. expect: twice */
#define BREAK_JOIN_WITHOUT_FIRST
#define NO_READER
#define PUBS 2
#define FRAMES 2
#define MADE 2
#define DEATHS 1
#include "../shape.pml"
