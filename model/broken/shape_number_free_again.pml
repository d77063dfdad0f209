/* SPDX-License-Identifier: Apache-2.0 */
/* The folder of a generation that was given up goes: a maker from long ago puts its successor there. expect: twice */
#define BREAK_NUMBER_FREE_AGAIN
#define NO_READER
#define PUBS 2
#define FRAMES 2
#define MADE 4
#define WANTS 2
#define DEATHS 0
#include "../shape.pml"
