/* SPDX-License-Identifier: Apache-2.0 */
/* What drivers publish beside their frames, still compressed, and only for those who want it. */
#include "camera_driver.h"

#include "zoetrope_camera.h"
#include "zoetrope_packets.h"

#include <stddef.h>
#include <string.h>

_Static_assert(sizeof(struct zoe_packet_head) == 64 && offsetof(struct zoe_packet_head, pts_ns) == 40, "layout");
_Static_assert(sizeof(struct zoe_camera_meta) == 16 && sizeof(struct zoe_camera_meta) <= ZOE_META_BYTES, "layout");

bool camera_is_wanted(struct zoe_publisher *publisher)
{
	return publisher && zoe_publisher_wishes(publisher, NULL, 0) > 0;
}

void camera_packet_publish(struct zoe_publisher *publisher, const struct zoe_packet_head *head, const void *extra,
                           const void *data, size_t bytes, int64_t capture_ns)
{
	struct zoe_loan loan;
	if (!camera_is_wanted(publisher) || zoe_loan(publisher, sizeof(*head) + head->extra_bytes + bytes, &loan) < 0)
		return;
	char *to = loan.data;
	memcpy(to, head, sizeof(*head));
	if (head->extra_bytes)
		memcpy(to + sizeof(*head), extra, head->extra_bytes);
	memcpy(to + sizeof(*head) + head->extra_bytes, data, bytes);
	loan.capture_ns = capture_ns;
	if (zoe_publish(publisher, &loan, NULL) < 0)
		zoe_discard(publisher, &loan);
}

void camera_jpeg_publish(struct zoe_publisher *publisher, const struct camera_jpeg *jpeg)
{
	struct zoe_loan loan;
	if (!camera_is_wanted(publisher) || zoe_loan(publisher, jpeg->bytes, &loan) < 0)
		return;
	struct zoe_camera_meta meta = {.magic = ZOE_CAMERA_MAGIC, .sequence = jpeg->device_sequence};
	meta.frame = jpeg->has_frame ? jpeg->frame + 1 : 0;
	memcpy(loan.data, jpeg->data, jpeg->bytes);
	memcpy(loan.meta, &meta, sizeof(meta));
	loan.image = (struct zoe_image){.format = ZOE_FORMAT_MJPEG, .width = jpeg->width, .height = jpeg->height};
	loan.capture_ns = jpeg->capture_ns;
	if (zoe_publish(publisher, &loan, NULL) < 0)
		zoe_discard(publisher, &loan);
}
