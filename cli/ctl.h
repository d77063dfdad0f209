/* SPDX-License-Identifier: Apache-2.0 */
/* Printing of answers, used by ctl.c alone. */
#ifndef ZOETROPE_CTL_H
#define ZOETROPE_CTL_H

#include "cli.h"

#include <jansson.h>

/* Print the answer to what the words asked. Returns the exit status: 0 = it is as wanted. */
int ctl_show(const struct cli_words *words, const json_t *answer, bool json);

#endif
