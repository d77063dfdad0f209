/* SPDX-License-Identifier: Apache-2.0 */
/* Sentences that both elements say. */
#ifndef ZOETROPE_GST_WORDS_H
#define ZOETROPE_GST_WORDS_H

static const char words_author[] = "the Zoetrope project";
static const char words_domain[] =
    "Directory of the domain; unset = the environment's ZOETROPE_DOMAIN, else /dev/shm/zoetrope-UID";
static const char words_no_topic[] = "no topic is named; set the property topic, for example topic=front";

#endif
