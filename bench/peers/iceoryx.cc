/* SPDX-License-Identifier: Apache-2.0 */
/* iceoryx 2, by its untyped publisher and subscriber: chunks are written and read in place. Has no interface in C. */
#include "../bench.h"

#include <cstdio>
#include <iceoryx_posh/popo/untyped_publisher.hpp>
#include <iceoryx_posh/popo/untyped_subscriber.hpp>
#include <iceoryx_posh/popo/wait_set.hpp>
#include <iceoryx_posh/runtime/posh_runtime.hpp>
#include <memory>
#include <time.h>
#include <unistd.h>

namespace
{
const iox::capro::ServiceDescription service{"bench", "transport", "messages"};

struct Side {
	const bench_work *work = nullptr;
	std::unique_ptr<iox::popo::UntypedPublisher> publisher;
	std::unique_ptr<iox::popo::UntypedSubscriber> subscriber;
	std::unique_ptr<iox::popo::WaitSet<>> waits;
	void *chunk = nullptr;
	const void *taken = nullptr;
};

void init_runtime()
{
	static bool done;
	char name[128];

	if (done)
		return;
	done = true;
	snprintf(name, sizeof(name), "%s-%d", bench_name(), (int)getpid());
	iox::log::LogManager::GetLogManager().SetDefaultLogLevel(iox::log::LogLevel::kError);
	iox::runtime::PoshRuntime::initRuntime(iox::RuntimeName_t(iox::cxx::TruncateToCapacity, name));
}

void open_publisher(Side &side)
{
	iox::popo::PublisherOptions options;

	if (side.work->lossless)
		options.subscriberTooSlowPolicy = iox::popo::ConsumerTooSlowPolicy::WAIT_FOR_CONSUMER;
	side.publisher = std::make_unique<iox::popo::UntypedPublisher>(service, options);
}

/* The daemon connects the two; that takes it up to 100 ms. */
void open_subscriber(Side &side)
{
	iox::popo::SubscriberOptions options;

	options.queueCapacity = side.work->depth;
	if (side.work->lossless)
		options.queueFullPolicy = iox::popo::QueueFullPolicy::BLOCK_PRODUCER;
	side.subscriber = std::make_unique<iox::popo::UntypedSubscriber>(service, options);
	while (side.subscriber->getSubscriptionState() != iox::SubscribeState::SUBSCRIBED)
		usleep(1000);
	if (side.work->polling)
		return;
	side.waits = std::make_unique<iox::popo::WaitSet<>>();
	if (side.waits->attachState(*side.subscriber, iox::popo::SubscriberState::HAS_DATA).has_error())
		bench_fail("iceoryx has no wait set for the subscriber");
}

void *side_open(const bench_work *work, bool sender, unsigned)
{
	auto side = std::make_unique<Side>();

	init_runtime();
	side->work = work;
	if (sender)
		open_publisher(*side);
	else
		open_subscriber(*side);
	return side.release();
}

void *side_prepare(void *at)
{
	auto side = static_cast<Side *>(at);
	auto loan = side->publisher->loan((uint32_t)side->work->size, 64);

	if (loan.has_error())
		bench_fail("iceoryx lends no chunk: error %u", (unsigned)loan.get_error());
	return side->chunk = loan.value();
}

void side_send(void *at)
{
	auto side = static_cast<Side *>(at);

	side->publisher->publish(side->chunk);
}

const void *take(Side &side)
{
	auto chunk = side.subscriber->take();

	return side.taken = chunk.has_error() ? nullptr : chunk.value();
}

const void *side_receive(void *at, int64_t timeout_ns)
{
	auto side = static_cast<Side *>(at);

	if (take(*side) || timeout_ns == 0)
		return side->taken;
	side->waits->timedWait(iox::units::Duration::fromNanoseconds(timeout_ns));
	return take(*side);
}

void side_release(void *at)
{
	auto side = static_cast<Side *>(at);

	side->subscriber->release(side->taken);
}

void side_close(void *at)
{
	delete static_cast<Side *>(at);
}
} // namespace

const struct bench_peer bench_peer = {
    "iceoryx",    side_open,  side_prepare, side_send,         side_receive,
    side_release, side_close, nullptr,      bench_roudi_start, bench_roudi_stop,
};
