/* SPDX-License-Identifier: Apache-2.0 */
/* One round of fuzzing what an opener reads: damage a topic's files as the input says, open it in all ways, mend it. */
#ifndef ZOETROPE_HOSTILE_OPEN_ONCE_H
#define ZOETROPE_HOSTILE_OPEN_ONCE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Make the topic, with a living publisher in a child process, and remember its files. Returns 0 | -1.
 * small: slots below a page.
 */
int open_once_begin(int small);

/* data: edits of 12 bytes: file, kind, 16 bits of offset, 64 bits of value. Returns how many opens succeeded. */
unsigned open_once(const uint8_t *data, size_t size);

void open_once_end(void);

#endif
