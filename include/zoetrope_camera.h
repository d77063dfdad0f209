/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a camera writes into zoe_frame.meta if its device numbers its pictures itself (V4L2 does). Frames that the device
 * could not deliver are gaps in that number, not in zoe_frame.seq. zoe_frame.capture_ns is the kernel's time of the picture.
 *
 * On CAMERA/jpeg, the pictures of a camera that sends JPEG, as they came: frame is the number of the same picture among
 * the camera's frames, plus 1; 0 = nobody wanted its pixels, so it was not decoded.
 */
#ifndef ZOETROPE_CAMERA_H
#define ZOETROPE_CAMERA_H

#include <stdint.h>

#define ZOE_CAMERA_MAGIC 0x4d41435au /* "ZCAM" */

struct zoe_camera_meta {
	uint32_t magic;    /* ZOE_CAMERA_MAGIC; else nothing is known */
	uint32_t sequence; /* the device's, from 0 each time that it is opened; 0 if it does not count */
	uint64_t frame;    /* CAMERA/jpeg only */
};

#endif
