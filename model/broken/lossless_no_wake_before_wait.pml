/* SPDX-License-Identifier: Apache-2.0 */
/* A publisher held up by a lossless reader does not wake that reader, who sleeps because another died before it woke him. expect: slept */
#define BREAK_NO_WAKE_BEFORE_WAIT
#define RING 1
#define PUBLISHERS_DIE
#define PUBS 2
#define SUBS 1
#define FRAMES 2
#define DEATHS 1
#include "../lossless.pml"
