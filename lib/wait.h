/* SPDX-License-Identifier: Apache-2.0 */
/* Sleeping on the low half of head and waking who sleeps there; the FIFO behind a pollable descriptor. */
#ifndef ZI_WAIT_H
#define ZI_WAIT_H

#include "shm.h"

/* Wake all that sleep on the low half of word. A system call always; ask for the waiting bits first on the hot path. */
void zi_wake(const _Atomic uint64_t *word);

/* Sleep while word's low half is value's, at most until end_ns and at most 100 ms. Returns 0 (look again) | -EINTR. */
int zi_wait(const _Atomic uint64_t *word, uint64_t value, int64_t end_ns);

/* now + timeout, without overflow */
int64_t zi_deadline(int64_t timeout_ns);

/* Open a subscriber's FIFO below topic_fd; make: create it if it is not there (its owner does). Returns it | -errno. */
int zi_fifo_open(int topic_fd, unsigned record, bool make, mode_t mode);
void zi_fifo_signal(int fifo);
void zi_fifo_drain(int fifo);

#endif
