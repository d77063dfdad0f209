/* SPDX-License-Identifier: Apache-2.0 */
/* Finding and loading a detector engine: a shared object with the table of zoetrope_detector.h. */
#ifndef ZOETROPE_DETECTOR_PLUGIN_H
#define ZOETROPE_DETECTOR_PLUGIN_H

#include "zoetrope_detector.h"

/*
 * Load an engine by name ("opencv") or path ("./my.so"). It stays loaded until the process ends, as the libraries
 * behind it may have threads. Looks in ZOETROPE_DETECTOR_PATH (folders joined by ':'), then beside this program.
 *
 * error  one sentence on failure, ZOE_DETECTOR_ERROR_BYTES
 *
 * Returns  0 | -ENOENT (not there; names the engines that are) | -EINVAL (no engine, or of another ABI) | -ENOMEM
 */
int detector_plugin_load(const char *name, const struct zoe_detector_engine **out_engine, char *error);

/* Folders in which models by name lie, joined by ':'. Caller frees. NULL = no memory. */
char *detector_model_folders(void);

#endif
