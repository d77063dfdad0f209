/* SPDX-License-Identifier: Apache-2.0 */
/* A joiner removes an emptied folder though others live: one that is on the way to its number puts a successor there. expect: twice */
#define BREAK_FORGET_NOT_ALONE
#define FORGETS
#define NO_READER
#define PUBS 2
#define FRAMES 2
#define MADE 4
#define WANTS 2
#define DEATHS 1
#include "../shape.pml"
