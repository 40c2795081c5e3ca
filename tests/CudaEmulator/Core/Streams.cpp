#include "Streams.h"

#include <time.h>

#include <algorithm>

#include "Capture.h"
#include "Context.h"
#include "Counters.h"
#include "Handles.h"
#include "Memory.h"
#include "Reports.h"
#include "Settings.h"

namespace emu {

namespace {

constexpr size_t LongestQueue = 4096;  // then the oldest work runs, whatever the mode

// All streams that live or, destroyed, still have work.
std::vector<std::shared_ptr<Stream>>& streams() {
    static auto& all = *new std::vector<std::shared_ptr<Stream>>;
    return all;
}

uint64_t lastStreamId = 0;

double now() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

// The legacy stream waits for all blocking streams, and they wait for it.
std::vector<std::shared_ptr<Stream>> implicitPartners(const Stream& stream) {
    std::vector<std::shared_ptr<Stream>> partners;
    if (stream.nonBlocking) return partners;
    if (!stream.isLegacy()) return {legacyStream()};
    for (auto& other : streams())
        if (!other->nonBlocking) partners.push_back(other);
    return partners;
}

void progress(const std::shared_ptr<Stream>& stream) {
    if (settings().progress == Progress::AtOnce) {
        runTo(stream, stream->queuedTo);
    } else if (settings().progress == Progress::Random) {
        std::vector<std::shared_ptr<Stream>> all = streams();
        all.push_back(legacyStream());
        for (uint64_t steps = randomness()() % 4; steps > 0; steps--) runOne(all[randomness()() % all.size()]);
    }
    while (stream->queue.size() > LongestQueue) runOne(stream);
}

Status illegal(const Work& work, const Access& access) {
    finding("%s: %s of %lu bytes at %s", work.what.c_str(), access.what.c_str(), access.span.bytes(), describe(access.span.address).c_str());
    return IllegalAddress;
}

}  // namespace

Clock& hostClock() {
    static auto& clock = *new Clock;
    return clock;
}

uint64_t newStreamId() { return ++lastStreamId; }

std::shared_ptr<Stream> legacyStream() {
    static auto& stream = *new std::shared_ptr<Stream>(std::make_shared<Stream>());
    return stream;
}

std::shared_ptr<Stream> createStream(bool nonBlocking, void** handle) {
    auto stream = std::make_shared<Stream>();
    stream->id = newStreamId();
    stream->nonBlocking = nonBlocking;
    streams().push_back(stream);
    *handle = newHandle(Kind::Stream, stream);
    return stream;
}

std::shared_ptr<Stream> streamOf(const void* handle, const char* caller) {
    if (reinterpret_cast<uint64_t>(handle) <= 2) return legacyStream();
    return handleTo<Stream>(handle, Kind::Stream, caller);
}

Status enqueue(const std::shared_ptr<Stream>& stream, Work work) {
    if (Status status = stickyError()) return status;
    if (stream->capture) return captureWork(*stream, std::move(work));
    if (settings().idle) return work.kind == WorkKind::Free && work.run ? work.run({}) : Success;
    if (Status status = refuseImplicitWait(*stream)) return status;

    Stream::Queued queued;
    stream->clock.merge(hostClock());
    for (auto& partner : implicitPartners(*stream)) {
        stream->clock.merge(partner->clock);
        if (partner->queuedTo > partner->doneTo) queued.waits.push_back({partner, partner->queuedTo});
    }
    queued.position = ++stream->queuedTo;
    stream->clock.seen[stream->id] = queued.position;
    queued.clock = std::make_shared<Clock>(stream->clock);
    queued.work = std::move(work);
    stream->queue.push_back(std::move(queued));
    progress(stream);
    return Success;
}

Status execute(const Work& work, const Moment& moment) {
    for (const Access& access : work.accesses) {
        if (access.span.bytes() == 0) continue;
        Allocation* a = allocationAt(access.span.address);
        if (!a || !a->live || !a->holds(access.span.address, access.span.bytes())) return illegal(work, access);
        a->history.add(moment, intervals(access.span), access.write, a->id);
        if (work.kind != WorkKind::Kernel && access.what != "the workspace") count("bytes_touched", access.span.width * access.span.count);
        if (access.write || !access.content || !a->tracksBytes()) continue;
        for (uint64_t row = 0; row < access.span.count; row++) {
            uint64_t address = access.span.address + row * access.span.pitch;
            int64_t at = firstUninitialised(address, access.span.width);
            if (at < 0) continue;
            finding("%s: %s reads bytes that nothing has written: %s", work.what.c_str(), access.what.c_str(),
                    describe(address + static_cast<uint64_t>(at)).c_str());
            break;
        }
    }
    if (work.run)
        if (Status status = work.run(moment)) return status;
    for (const Access& access : work.accesses)
        for (uint64_t row = 0; access.write && access.content && row < access.span.count; row++)
            markInitialised(access.span.address + row * access.span.pitch, access.span.width);
    return Success;
}

bool runOne(const std::shared_ptr<Stream>& stream) {
    if (stream->queue.empty()) return false;
    Stream::Queued next = std::move(stream->queue.front());
    stream->queue.pop_front();
    for (const Wait& wait : next.waits) runTo(wait.stream, wait.position);
    if (stickyError() == Success) {
        Status status = execute(next.work, {stream->id, next.position, next.clock, next.work.what});
        if (status) setStickyError(status);
    }
    stream->doneTo = std::max(stream->doneTo, next.position);
    return true;
}

Status runTo(const std::shared_ptr<Stream>& stream, uint64_t position) {
    while (stream->doneTo < position && runOne(stream)) {
    }
    return stickyError();
}

Status waitFor(const std::shared_ptr<Stream>& stream) {
    hostClock().merge(stream->clock);
    return runTo(stream, stream->queuedTo);
}

Status waitForAll() {
    waitFor(legacyStream());
    std::vector<std::shared_ptr<Stream>> all = streams();
    for (auto& stream : all) waitFor(stream);
    // Streams that only this list still holds were destroyed, and their work is done.
    auto isGone = [](const std::shared_ptr<Stream>& stream) { return stream.use_count() == 2 && stream->queue.empty(); };
    streams().erase(std::remove_if(streams().begin(), streams().end(), isGone), streams().end());
    return stickyError();
}

void dropAllQueues() {
    auto drop = [](Stream& stream) {
        stream.queue.clear();
        stream.doneTo = stream.queuedTo;
        if (stream.capture) stream.capture->origin = nullptr;
        stream.capture = nullptr;
    };
    drop(*legacyStream());
    for (auto& stream : streams()) drop(*stream);
}

Status recordEvent(const std::shared_ptr<Event>& event, const std::shared_ptr<Stream>& stream) {
    event->recorded = true;
    event->stream = stream;
    if (stream->capture) {
        if (Status status = refuseIfInvalidated(*stream)) return status;
        event->capture = stream->capture;
        event->captureTails = stream->captureTails;
        event->position = stream->doneTo;
        return Success;
    }
    event->capture = nullptr;
    if (settings().idle) {
        event->position = stream->doneTo;
        event->time = now();
        return Success;
    }
    uint64_t position = event->position = stream->queuedTo + 1;
    Work work{"event record", WorkKind::Empty, {}, nullptr, nullptr};
    work.run = [event, position](const Moment&) {
        if (event->position == position) event->time = now();
        return Success;
    };
    if (Status status = enqueue(stream, std::move(work))) return status;
    event->clock = stream->clock;
    return Success;
}

Status waitEvent(const std::shared_ptr<Stream>& stream, const std::shared_ptr<Event>& event) {
    if (!event->recorded) return Success;  // as documented: an event that was never recorded is done
    if (event->capture || stream->capture) return captureWait(*stream, *event);
    stream->clock.merge(event->clock);
    // The wait keeps the position of the record that it saw: a later record does not move it.
    Wait wait{event->stream, event->position};
    Work work{"event wait", WorkKind::Empty, {}, nullptr, nullptr};
    work.run = [wait](const Moment&) { return runTo(wait.stream, wait.position); };
    return enqueue(stream, std::move(work));
}

Status waitForEvent(const std::shared_ptr<Event>& event) {
    if (!event->recorded) return Success;
    hostClock().merge(event->clock);
    return runTo(event->stream, event->position);
}

}  // namespace emu
