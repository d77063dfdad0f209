/* SPDX-License-Identifier: Apache-2.0 */
/* A joining lossless subscriber sets its cursor and does not wake who waits for cursor 0. expect: stuck */
#define BREAK_JOIN_SILENT
#define PUBS 1
#define SUBS 1
#define FRAMES 4
#define DEATHS 0
#include "../lossless.pml"
