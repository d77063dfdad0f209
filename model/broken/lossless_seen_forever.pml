/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher relies on what it saw of cursors and does not look whether others have joined. expect: lost */
#define BREAK_SEEN_FOREVER
#define PUBS 1
#define SUBS 1
#define FRAMES 6
#define DEATHS 0
#include "../lossless.pml"
