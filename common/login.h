/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets in texts that say where a camera is: an address, or a pipeline of GStreamer. A secret is the user and password
 * of an address, what follows '?', '=', '&' or '#' in it (some cameras have the password there), and the value of a
 * property whose name speaks of one (user-pw=, passphrase=, extra-headers=). No part of ours ever shows them.
 */
#ifndef COMMON_LOGIN_H
#define COMMON_LOGIN_H

#include <stdbool.h>

/* The variable of the environment by which a source with a secret reaches zoetrope-view and its camera, not by ps. */
#define LOGIN_SOURCE "ZOETROPE_OPTION_source"

/* Is one written out? ${NAME} is none: it shows nothing. */
bool login_is_plain(const char *text);

/* Take them out; the text gets shorter in its place. */
void login_hide(char *text);

/* The same for a sentence about the text `about`: the secrets in that are taken out wherever they stand. */
void login_hide_all(char *text, const char *about);

#endif
