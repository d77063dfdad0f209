/* SPDX-License-Identifier: Apache-2.0 */
/* Results of a camera's detectors: of each one the newest, of as many as a camera may have. */
#include "check.h"
#include "roles/result.h"

#include <errno.h>
#include <stdio.h>

/* An empty result of detector "d<number>". Returns as result_set_add(). */
static int add(struct result_set *set, unsigned number, uint64_t seq)
{
	struct zoe_detections head = {
	    .magic = ZOE_DETECTIONS_MAGIC, .version = ZOE_DETECTIONS_VERSION, .source_seq = seq};
	const struct zoe_frame frame = {.data = &head, .size = sizeof(head)};
	const struct result *result;
	snprintf(head.detector, sizeof(head.detector), "d%u", number);
	int status = result_set_add(set, &frame, &result);
	if (status == 0)
		CHECK_EQ(result->head.source_seq, seq);
	return status;
}

TEST(as_many_as_a_camera_may_have)
{
	struct result_set set = {0};
	for (uint64_t seq = 1; seq <= 2; seq++)
		for (unsigned number = 0; number < DETECTORS_MAX; number++)
			CHECK_OK(add(&set, number, seq));
	for (unsigned number = 0; number < DETECTORS_MAX; number++)
		CHECK_EQ(set.results[number]->head.source_seq, 2);
	CHECK(add(&set, DETECTORS_MAX, 1) < 0);
	result_set_finish(&set);
}

TEST(what_is_no_result)
{
	struct result_set set = {0};
	const struct result *result;
	struct zoe_detections head = {.magic = ZOE_DETECTIONS_MAGIC, .version = ZOE_DETECTIONS_VERSION, .count = 1};
	struct zoe_frame frame = {.data = &head, .size = sizeof(head)};
	CHECK_EQ(result_set_add(&set, &frame, &result), -EBADMSG); /* its box is missing */
	head.count = 0;
	frame.size--;
	CHECK_EQ(result_set_add(&set, &frame, &result), -EBADMSG);
	frame.size++;
	head.magic++;
	CHECK_EQ(result_set_add(&set, &frame, &result), -EBADMSG);
	result_set_finish(&set);
}
