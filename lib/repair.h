/* SPDX-License-Identifier: Apache-2.0 */
/* What the dead left behind. Idempotent; whoever clears a record has its lock byte. */
#ifndef ZI_REPAIR_H
#define ZI_REPAIR_H

#include "shm.h"

/* Clear one record whose byte the caller holds. The topic must be mapped as a publisher does, for a publisher's record.
 */
void zi_repair_publisher(const struct zi_topic *topic, unsigned record);
void zi_repair_subscriber(struct zi_readers *readers, unsigned record);

/* Clear this subscriber's record if its owner is dead. Returns whether it was. */
bool zi_repair_if_dead(const struct zi_topic *topic, unsigned subscriber);

/* Clear the records of all dead subscribers; publishers too if the index is writable. Returns how many. */
unsigned zi_repair_dead(const struct zi_topic *topic, bool publishers);

#endif
