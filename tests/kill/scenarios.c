/* SPDX-License-Identifier: Apache-2.0 */
/* The table of scenarios. To add one, add a row; what rows are made of is in acts_*.c. */
#include "acts.h"

#include <string.h>

#define HOT       (STOPS | JOIN_PUB | JOIN_SUB)
#define PUB_JOINS (LONG | STOPS | JOIN_SUB)
#define SUB_JOINS (LONG | STOPS | JOIN_PUB)

const struct scenario scenarios[] = {
    {"loan", LONG | HOT, with_publisher, do_loan, publish_got},
    {"loan_large", LONG | HOT | LARGE, with_publisher, do_loan, publish_got},
    {"loan_full", LONG, with_publisher, do_loans_until_full, NULL},
    {"discard", HOT, with_loan, do_discard, NULL},
    {"publish", HOT, with_loan, do_publish, note_published},
    {"publish_large", LONG | HOT | LARGE, with_loan, do_publish, note_published},
    {"publish_picture", VARIANT | LONG | HOT, with_picture, do_publish, note_published},
    {"publish_wrong", VARIANT | LONG | LONG, with_picture, do_publish_wrong, note_published},
    {"publish_keep", HOT, with_loan, do_publish_keep, kept_is_whole},
    {"publish_keep_full", LONG, with_kept_and_loan, do_publish_keep_wrong, NULL},
    {"unkeep", HOT, with_kept, do_unkeep, NULL},
    {"take_next", HOT, with_subscriber_and_frames, do_take_next, check_taken},
    {"take_next_large", VARIANT | LONG | HOT | LARGE, with_subscriber_and_frames, do_take_next, check_taken},
    {"take_next_overrun", LONG | HOT, with_overrun, do_take_next, check_taken},
    {"take_latest", HOT, with_subscriber_and_frames, do_take_latest, check_taken},
    {"take_latest_twice", VARIANT | LONG | HOT, with_subscriber_and_frames, do_take_latest_twice, check_taken},
    {"take_picture", VARIANT | LONG | HOT, with_picture_to_take, do_take_next, check_taken},
    {"take_too_many", VARIANT | LONG | LONG, with_subscriber_and_frames, do_take_too_many, NULL},
    {"take_wait", HOT, with_subscriber, do_take_wait, check_taken},
    {"take_latest_wait", HOT, with_subscriber, do_take_latest_wait, check_taken},
    {"take_arm", HOT, with_fd, do_arm, check_taken},
    {"take_disarm", HOT, with_armed_and_frames, do_take_next, check_taken},
    {"release", HOT, with_frame, do_release, NULL},
    {"subscriber_fd", HOT, with_subscriber, do_fd, NULL},
    {"subscriber_join", SUB_JOINS, NULL, do_subscriber_open, use_subscriber},
    {"subscriber_join_wide", VARIANT | LONG | SUB_JOINS | WIDE, NULL, do_subscriber_open_wide, use_subscriber},
    {"subscriber_join_wrong", VARIANT | LONG | LONG, NULL, do_subscriber_open_wrong, NULL},
    {"subscriber_join_full", VARIANT | LONG | LONG, with_many_subscribers, do_subscriber_open_narrow, close_all},
    {"subscriber_join_pins", VARIANT | LONG | LONG, with_many_subscribers, do_subscriber_open, close_all},
    {"subscriber_leave", LONG, with_frame, do_subscriber_close, NULL},
    {"subscriber_leave_fd", VARIANT | LONG | LONG, with_armed_and_frames, do_subscriber_close, NULL},
    {"publisher_join", PUB_JOINS, NULL, do_publisher_open, use_publisher},
    {"publisher_join_wrong", VARIANT | LONG | LONG, NULL, do_publisher_open_wrong, NULL},
    {"publisher_join_full", VARIANT | LONG | LONG, with_all_publishers, do_publisher_open, close_all},
    {"publisher_leave", LONG, with_kept_and_loan, do_publisher_close, NULL},
    {"create", LONG | ALONE | STOPS, NULL, do_publisher_open, use_publisher},
    {"create_large", LONG | ALONE | LARGE, NULL, do_publisher_open, use_publisher},
    {"publisher_leave_last", LONG | ALONE, with_kept_and_loan, do_publisher_close, NULL},
    {"clean", LONG, NULL, do_clean, NULL},
    {"trim", VARIANT | LONG | LARGE, with_publisher, do_trim, NULL},
    {"prefault", LONG | LARGE, with_publisher, do_prefault, NULL},
    {"publish_bytes", VARIANT | LONG | LONG, with_message, do_publish_bytes, note_published},

    /* ways of reading */
    {"lossless_join", VARIANT | LONG | LOSSLESS, NULL, do_open_lossless, NULL},
    {"lossless_take", LONG | LOSSLESS, with_lossless_behind, do_take_next, check_taken},
    {"lossless_leave", VARIANT | LONG | LOSSLESS, with_lossless_and_frames, do_subscriber_close, NULL},
    {"lossless_publish", VARIANT | LONG | LOSSLESS | HOT, with_loan, do_publish, note_published},
    {"lossless_held_up", LONG | LOSSLESS, with_full_ring, do_publish_held_up, NULL},
    {"lossless_patient", VARIANT | LONG | LOSSLESS, with_loan, do_publish_patiently, note_published},
    {"lossless_refused", VARIANT | LONG | LONG, NULL, do_open_lossless, NULL},
    {"group_join", VARIANT | LONG | SUB_JOINS, NULL, do_open_member, NULL},
    {"group_take", HOT | JOIN_GROUP, with_member_and_frames, do_take_next, check_taken},
    {"group_take_overrun", HOT | JOIN_GROUP, with_member_overrun, do_take_next, check_taken},
    {"group_leave", VARIANT | LONG | LONG, with_member_and_frames, do_subscriber_close, NULL},
    {"oldest_join", VARIANT | LONG | SUB_JOINS, NULL, do_open_oldest, NULL},
    {"lossless_oldest_join", VARIANT | LONG | LOSSLESS, with_publisher_left_behind, do_open_lossless_oldest, NULL},
    {"take_spin", VARIANT | LONG | LONG, with_spinning, do_take_wait, check_taken},
    {"take_interval", VARIANT | LONG | LONG, with_seldom, do_take_latest, check_taken},
    {"take_too_soon", VARIANT | LONG | LONG, with_one_too_soon, do_take_too_soon, NULL},

    /* changes of shape */
    {"grow", LONG | RARE_STOPS | HOT, with_publisher, do_loan_larger, NULL},
    {"grow_large", VARIANT | LONG | LARGE, with_publisher, do_loan_larger, NULL},
    {"grow_join", VARIANT | LONG | STOPS | JOIN_SUB, NULL, do_open_larger, use_publisher},
    {"grow_loan", VARIANT | LONG | HOT, with_publisher_left_behind, do_loan, publish_got},
    {"grow_publish", LONG | RARE_STOPS | HOT, with_loan_left_behind, do_publish, note_published},
    {"grow_publish_keep", VARIANT | LONG | HOT, with_loan_left_behind, do_publish_keep, note_published},
    {"grow_take_next", LONG | RARE_STOPS | HOT, with_frame_left_behind, do_take_and_release_both, NULL},
    {"grow_take_latest", LONG | RARE_STOPS | HOT, with_newest_left_behind, do_take_latest, check_taken},
    {"grow_retire", LONG | RARE_STOPS | HOT | LARGE, with_publisher_gone_over, do_publish, note_published},
    {"grow_lossless", VARIANT | LONG | LOSSLESS, with_publisher, do_loan_larger, NULL},

    {"forked", LONG | ORPHAN, with_all_as_orphan, do_all_as_orphan, NULL},

    /* repair, by whoever comes next, of one that died after an atomic operation of its own */
    {"repair_loan", LONG, NULL, do_publisher_open, use_publisher, "loan", 1},
    {"repair_pending", LONG, NULL, do_publisher_open, use_publisher, "publish", 1},
    {"repair_in_ring", LONG, NULL, do_publisher_open, use_publisher, "publish", 2},
    {"repair_head", LONG, NULL, do_publisher_open, use_publisher, "publish", 3},
    {"repair_published", LONG, NULL, do_publisher_open, use_publisher, "publish", 4},
    {"repair_keep", LONG, NULL, do_publisher_open, use_publisher, "publish_keep", 1},
    {"repair_pin", LONG, NULL, do_publisher_open, use_publisher, "take_next", 1},
    {"repair_by_subscriber", LONG, NULL, do_subscriber_open, use_subscriber, "take_next", 1},
    {"repair_armed", LONG, NULL, do_subscriber_open, use_subscriber, "take_arm", 1},
    {"repair_waiting", LONG, NULL, do_publisher_open, use_publisher, "take_wait", 1},
    {"repair_joined", LONG, NULL, do_publisher_open, use_publisher, "publisher_join", 0},
    {"repair_member", LONG, NULL, do_open_member, NULL, "group_take", 1},
    {"repair_lossless", LONG | LOSSLESS | LATE, with_loan, do_publish, note_published, "lossless_take", 1},
    {"repair_blocked", LONG | LOSSLESS | LATE, with_lossless_behind, do_take_next, check_taken, "lossless_patient", 1},
    {"repair_successor", LONG, NULL, do_publisher_open, use_publisher, "grow", 3},
    {"repair_closed", LONG, NULL, do_publisher_open, use_publisher, "grow", 5},
    {"repair_by_clean", LONG, NULL, do_clean, NULL, "publish", 2},
};
const unsigned scenario_count = sizeof(scenarios) / sizeof(scenarios[0]);

const struct scenario *scenario_find(const char *name)
{
	for (unsigned i = 0; i < scenario_count; i++) {
		if (!strcmp(scenarios[i].name, name))
			return &scenarios[i];
	}
	return NULL;
}
