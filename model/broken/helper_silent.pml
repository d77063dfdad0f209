/* SPDX-License-Identifier: Apache-2.0 */
/* Who helped head on and then does not publish wakes nobody. expect: slept */
#define BREAK_HELPER_SILENT
#define PUBS 2
#define SUBS 1
#define FRAMES 2
#define DEATHS 1
#include "../wait.pml"
