/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Cyclone DDS over iceoryx: samples are loaned from shared memory and read there. It does that for keep-last histories
 * only, so nothing that must not lose goes through it here.
 */
#include "cyclone.h"
#include "../bench.h"

#include <dds/dds.h>
#include <dds/ddsc/dds_loan_api.h>
#include <stdio.h>
#include <stdlib.h>

#define CONFIGURATION                                                                                             \
	"<Domain><General><Interfaces><NetworkInterface name=\"lo\" multicast=\"false\"/></Interfaces></General>" \
	"<Discovery><Peers><Peer address=\"127.0.0.1\"/></Peers><ParticipantIndex>auto</ParticipantIndex>"        \
	"<MaxAutoParticipantIndex>40</MaxAutoParticipantIndex></Discovery>"                                       \
	"<SharedMemory><Enable>true</Enable>"                                                                     \
	"<LogLevel>error</LogLevel></SharedMemory></Domain>"

struct side {
	const struct bench_work *work;
	dds_entity_t participant, writer, reader, waitset;
	void *sample;
};

static dds_entity_t check(dds_entity_t result, const char *what)
{
	if (result < 0)
		bench_fail("%s: %s", what, dds_strretcode(-result));
	return result;
}

static const dds_topic_descriptor_t *type_of(const struct bench_work *work)
{
	return work->size == sizeof(Bench_Message64)   ? &Bench_Message64_desc
	       : work->size == sizeof(Bench_MessageHd) ? &Bench_MessageHd_desc
	                                               : &Bench_MessageUhd_desc;
}

/* The two find each other by the network, then by shared memory. */
static void await_match(struct side *s)
{
	for (;;) {
		dds_subscription_matched_status_t status;

		check(dds_get_subscription_matched_status(s->reader, &status), "status");
		if (status.current_count >= s->work->senders)
			return;
		dds_sleepfor(DDS_MSECS(1));
	}
}

static void open_reader(struct side *s, dds_entity_t topic, const dds_qos_t *qos)
{
	s->reader = check(dds_create_reader(s->participant, topic, qos, NULL), "reader");
	s->waitset = check(dds_create_waitset(s->participant), "wait set");
	dds_entity_t condition = check(dds_create_readcondition(s->reader, DDS_ANY_STATE), "condition");

	check(dds_waitset_attach(s->waitset, condition, 0), "attach");
	if (!dds_is_shared_memory_available(s->reader))
		bench_fail("this Cyclone DDS reads nothing from shared memory");
	await_match(s);
}

static void *side_open(const struct bench_work *work, bool sender, unsigned number)
{
	struct side *s = calloc(1, sizeof(*s));
	dds_qos_t *qos = dds_create_qos();

	s->work = work;
	dds_qset_reliability(qos, DDS_RELIABILITY_RELIABLE, DDS_SECS(1));
	dds_qset_durability(qos, DDS_DURABILITY_VOLATILE);
	dds_qset_history(qos, DDS_HISTORY_KEEP_LAST, (int32_t)work->depth);
	check(dds_create_domain(1, CONFIGURATION), "domain");
	s->participant = check(dds_create_participant(1, NULL, NULL), "participant");
	dds_entity_t topic = check(dds_create_topic(s->participant, type_of(work), "bench", qos, NULL), "topic");

	if (sender)
		s->writer = check(dds_create_writer(s->participant, topic, qos, NULL), "writer");
	else
		open_reader(s, topic, qos);
	if (sender && !dds_is_loan_available(s->writer))
		bench_fail("this Cyclone DDS lends nothing from shared memory");
	dds_delete_qos(qos);
	return s;
}

static void *side_prepare(void *side)
{
	struct side *s = side;

	check(dds_loan_sample(s->writer, &s->sample), "loan");
	return s->sample;
}

static void side_send(void *side)
{
	struct side *s = side;

	check(dds_write(s->writer, s->sample), "write");
}

static const void *take(struct side *s)
{
	dds_sample_info_t info;

	s->sample = NULL;
	if (check(dds_take(s->reader, &s->sample, &info, 1, 1), "take") == 0)
		return NULL;
	if (info.valid_data)
		return s->sample;
	dds_return_loan(s->reader, &s->sample, 1);
	return NULL;
}

static const void *side_receive(void *side, int64_t timeout_ns)
{
	struct side *s = side;
	const void *sample = take(s);

	if (sample || timeout_ns == 0)
		return sample;
	check(dds_waitset_wait(s->waitset, NULL, 0, timeout_ns), "wait");
	return take(s);
}

static void side_release(void *side)
{
	struct side *s = side;

	check(dds_return_loan(s->reader, &s->sample, 1), "return");
}

static void side_close(void *side)
{
	struct side *s = side;

	dds_delete(s->participant);
	free(s);
}

static bool side_can(const struct bench_work *work)
{
	return !work->lossless && !work->alone;
}

const struct bench_peer bench_peer = {
    .name = "cyclone",
    .open = side_open,
    .prepare = side_prepare,
    .send = side_send,
    .receive = side_receive,
    .release = side_release,
    .close = side_close,
    .can = side_can,
    .start = bench_roudi_start,
    .stop = bench_roudi_stop,
};
