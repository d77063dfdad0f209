/* SPDX-License-Identifier: Apache-2.0 */
/* Damage that a victim does to its topic before the library looks, and that is made good before others go on. */
#ifndef KILL_DAMAGE_H
#define KILL_DAMAGE_H

#include <stddef.h>
#include <stdint.h>

/* What stands in the place of a file, whose name gets ".away" behind it. */
enum damage_by { BY_NOTHING, BY_FILE, BY_LINK };
enum damage_made { A_FILE, A_DIRECTORY };

/* Paths are below the topic's directory. More than there is room for ends the program. */
void damage_bytes(const char *path, uint64_t offset, const void *bytes, size_t size);
void damage_word(const char *path, uint64_t offset, uint64_t word);
void damage_size(const char *path); /* a byte more */
void damage_place(const char *path, enum damage_by by);
void damage_make(const char *path, enum damage_made made); /* what was not there */

/* As if it had come about by itself: it is not made good. */
void damage_for_good(void);

/* What lies there. */
uint64_t damage_read(const char *path, uint64_t offset);

/* Make all good, the last damage first. By whoever did it, or by whoever comes after its death. */
void damage_undo(void);

#endif
