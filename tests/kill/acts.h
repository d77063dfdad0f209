/* SPDX-License-Identifier: Apache-2.0 */
/* What the rows of scenarios.c are made of. */
#ifndef KILL_ACTS_H
#define KILL_ACTS_H

#include "scenario.h"

/* The group that members join. */
#define MEMBERS "members"

/* acts_publisher.c */
void must_not_be_damaged(const struct victim *v, const char *what);
void open_publisher(struct victim *v);
void with_publisher(struct victim *v);
void do_loan(struct victim *v);
void publish_got(struct victim *v);
void do_loans_until_full(struct victim *v);
void with_loan_of(struct victim *v);
void with_loan(struct victim *v);
void do_discard(struct victim *v);
void do_publish(struct victim *v);
void note_published(struct victim *v);
void with_picture(struct victim *v);
void do_publish_wrong(struct victim *v);
void do_publish_keep(struct victim *v);
void do_publish_keep_wrong(struct victim *v);
void with_kept(struct victim *v);
void with_kept_and_loan(struct victim *v);
void do_unkeep(struct victim *v);
void kept_is_whole(struct victim *v);
void do_publisher_open(struct victim *v);
void use_publisher(struct victim *v);
void do_publisher_close(struct victim *v);
void with_all_publishers(struct victim *v);
void close_all(struct victim *v);
void do_publisher_open_wrong(struct victim *v);

/* acts_subscriber.c */
void open_subscriber(struct victim *v, unsigned pins);
void with_subscriber(struct victim *v);
void some_frames(struct victim *v, unsigned frames);
void with_subscriber_and_frames(struct victim *v);
void with_overrun(struct victim *v);
void with_picture_to_take(struct victim *v);
void do_take_next(struct victim *v);
void do_take_latest(struct victim *v);
void do_take_latest_twice(struct victim *v);
void do_take_wait(struct victim *v);
void do_take_latest_wait(struct victim *v);
void check_taken(struct victim *v);
void do_take_too_many(struct victim *v);
void with_frame(struct victim *v);
void do_release(struct victim *v);
void do_fd(struct victim *v);
void with_fd(struct victim *v);
void do_arm(struct victim *v);
void with_armed_and_frames(struct victim *v);
void do_subscriber_open(struct victim *v);
void do_subscriber_open_narrow(struct victim *v);
void do_subscriber_open_wide(struct victim *v);
void use_subscriber(struct victim *v);
void do_subscriber_close(struct victim *v);
void with_many_subscribers(struct victim *v);
void do_subscriber_open_wrong(struct victim *v);

/* acts_other.c */
void do_clean(struct victim *v);
void orphan(struct victim *v);
void with_all_as_orphan(struct victim *v);
void do_all_as_orphan(struct victim *v);

/* acts_shape.c: ways of reading, changes of shape */
void do_open_lossless(struct victim *v);
void do_open_member(struct victim *v);
void do_open_oldest(struct victim *v);
void do_open_lossless_oldest(struct victim *v);
void with_lossless(struct victim *v);
void with_lossless_and_frames(struct victim *v);
void with_member_and_frames(struct victim *v);
void with_member_overrun(struct victim *v);
void with_spinning(struct victim *v);
void with_seldom(struct victim *v);
void with_one_too_soon(struct victim *v);
void do_take_too_soon(struct victim *v);
void with_lossless_behind(struct victim *v);
void do_publish_patiently(struct victim *v);
void with_full_ring(struct victim *v);
void do_publish_held_up(struct victim *v);
void do_loan_larger(struct victim *v);
void do_open_larger(struct victim *v);
void with_publisher_left_behind(struct victim *v);
void with_loan_left_behind(struct victim *v);
void with_frame_left_behind(struct victim *v);
void with_newest_left_behind(struct victim *v);
void do_take_and_release_both(struct victim *v);
void with_publisher_gone_over(struct victim *v);
void do_trim(struct victim *v);
void do_prefault(struct victim *v);
void do_publish_bytes(struct victim *v);
void with_message(struct victim *v);

/* acts_damage.c */
void do_open_damaged_header(struct victim *v);
void do_open_damaged_files(struct victim *v);
void do_open_no_generation(struct victim *v);
void do_take_damaged(struct victim *v);
void do_take_for_ever(struct victim *v);
void do_take_nothing_left(struct victim *v);
void check_stuck(struct victim *v);
void do_publish_damaged(struct victim *v);
void do_loan_damaged(struct victim *v);
void with_record_left_behind(struct victim *v);
void with_loan_too_large(struct victim *v);
void do_loan_no_successor(struct victim *v);
void do_publish_too_large(struct victim *v);
void do_fd_no_fifo(struct victim *v);
void with_loan_and_no_fifo(struct victim *v);
void with_loan_and_wrong_fifo(struct victim *v);
void with_foreign_directory(struct victim *v);

/* acts_rare.c */
void do_subscriber_open_senseless(struct victim *v);
void do_take_latest_refused(struct victim *v);
void do_loan_a_bit_larger(struct victim *v);
void do_loan_absurd(struct victim *v);
void do_create_others(struct victim *v);
void do_release_wrong(struct victim *v);
void with_narrow_and_frames(struct victim *v);
void with_all_groups(struct victim *v);
void do_open_more_groups(struct victim *v);
void with_join_locks_held(struct victim *v);
void do_open_both_locked(struct victim *v);
void with_topic_that_moves(struct victim *v);
void do_publisher_open_moving(struct victim *v);
void do_subscriber_open_moving(struct victim *v);
void with_full_ring_and_haste(struct victim *v);
void do_grow_held_up(struct victim *v);
void do_publish_bytes_held_up(struct victim *v);
void with_loan_left_behind_and_full_ring(struct victim *v);
void do_publish_copy_held_up(struct victim *v);
void with_leavings(struct victim *v);
void with_remains(struct victim *v);
void with_full_ring_and_another(struct victim *v);
void with_readers_alone(struct victim *v);
void with_newest_taken(struct victim *v);
void with_kept_left_behind(struct victim *v);
void with_kept_behind(struct victim *v);
void with_pinned_behind(struct victim *v);
void with_dead_and_gone_over(struct victim *v);
void with_used_slots(struct victim *v);
void with_loan_at_risk(struct victim *v);
void with_haste(struct victim *v);
void with_lossless_up_to_date(struct victim *v);
void with_loan_in_full_ring(struct victim *v);
void do_open_another(struct victim *v);
void with_lossless_and_gone_over(struct victim *v);
void with_lossless_gone_over(struct victim *v);
void with_lossless_superseded(struct victim *v);
void with_all_without_wipe(struct victim *v);
void with_orphan_without_wipe(struct victim *v);
void do_all(struct victim *v);

#endif
