/* SPDX-License-Identifier: Apache-2.0 */
/* The configuration as control reads it from YAML: one entry for each camera and detector, the preview and the
 * recorder. */
#ifndef ZOETROPE_CONTROL_CONFIG_H
#define ZOETROPE_CONTROL_CONFIG_H

#include "config.h"
#include "yaml_file.h"

#define CONTROL_ERROR_BYTES YAML_ERROR_BYTES

struct config_entry {
	const struct config_section *section;
	char *name;              /* of the camera or detector; else the role's word */
	struct option_row *rows; /* process_rows and the section's */
	void *values;            /* the section's struct */
	unsigned line;           /* where it stands; 0 = nowhere, all defaults */
};

struct config {
	struct config_entry *entries; /* cameras, detectors, preview if there is one, recorder */
	size_t count;
};

/*
 * Read and check a file.
 *
 * error  [CONTROL_ERROR_BYTES]: "FILE:LINE: key 'cameras.front.fps': wanted ..., found ..."
 *
 * Returns 0 | -EINVAL (what is in it) | -ENOMEM | -errno of reading it
 */
int control_config_read(const char *path, struct config *out, char *error);
void control_config_finish(struct config *config);

/* All of a section, in the file's order: *at = 0 at first. NULL = no more. */
const struct config_entry *control_config_next(const struct config *config, const char *section, size_t *at);

/* Does this detector look at that camera? */
bool control_config_watches(const struct config_entry *detector, const char *camera);

#endif
