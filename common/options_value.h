/* SPDX-License-Identifier: Apache-2.0 */
/* One value of an option: from text into its member, and back. Used by options.c alone. */
#ifndef ZOETROPE_OPTIONS_VALUE_H
#define ZOETROPE_OPTIONS_VALUE_H

#include "options.h"

/* Read text into *member. Returns 0 | -EINVAL (not what the row wants; no sentence yet) | -ENOMEM. *member is unchanged
 * then. */
int options_value_read(const struct option_row *row, const char *text, void *member);

/* Caller frees. NULL = no memory. */
char *options_value_text(const struct option_row *row, const void *member);

/* Free what *member owns and zero it. */
void options_value_free(const struct option_row *row, void *member);

#endif
