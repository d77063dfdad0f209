/* SPDX-License-Identifier: Apache-2.0 */
/* Who joins in a record that was left does not say so: publishers rely on what they saw of the one before. expect: lost */
#define BREAK_JOIN_UNCOUNTED
#define OLDEST
#define PUBS 1
#define SUBS 1
#define FRAMES 5
#define DEATHS 1
#include "../lossless.pml"
