/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The part of DLPack's binary interface (https://dmlc.github.io/dlpack/latest/c_api.html, before version 1) that a tensor of
 * bytes in memory needs. Names are ours, the layout is the standard's. It cannot say "read-only".
 */
#ifndef PYTHON_DLPACK_H
#define PYTHON_DLPACK_H

#include <stdint.h>

#define DLPACK_CAPSULE  "dltensor"
#define DLPACK_CPU      1
#define DLPACK_UNSIGNED 1

struct dlpack_tensor {
	void *data;
	struct {
		int32_t type, id;
	} device;
	int32_t dimensions;
	struct {
		uint8_t code, bits;
		uint16_t lanes;
	} type;
	int64_t *shape, *strides; /* strides in elements */
	uint64_t byte_offset;
};

struct dlpack_managed {
	struct dlpack_tensor tensor;
	void *context;
	void (*deleter)(struct dlpack_managed *self);
};

#endif
