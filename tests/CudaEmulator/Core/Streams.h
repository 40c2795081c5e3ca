// Streams and events. Work is queued and runs when something waits for it, or at once, or at random (see Progress): a program that
// reads a result before it waited finds poison.
#pragma once
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "Ordering.h"
#include "Status.h"

namespace emu {

struct Capture;
struct Stream;

// What a piece of work is to a graph: updates of a graph may change arguments, not kinds.
enum class WorkKind { Kernel, Copy, Memset, Library, Allocate, Free, Empty };

// A piece of work as it is handed in: what it touches, and how it is done.
struct Work {
    std::string what;
    WorkKind kind = WorkKind::Library;
    std::vector<Access> accesses;
    std::function<Status(const Moment&)> run;
    const void* identity = nullptr;  // the kernel, for graph updates
};

struct Wait {
    std::shared_ptr<Stream> stream;
    uint64_t position;
};

struct Stream : std::enable_shared_from_this<Stream> {
    uint64_t id = 0;  // for clocks and messages; 0 is the legacy stream
    bool nonBlocking = false;
    Clock clock;
    uint64_t queuedTo = 0, doneTo = 0;  // positions of the last work queued and done

    struct Queued {
        Work work;
        uint64_t position;
        std::shared_ptr<const Clock> clock;
        std::vector<Wait> waits;
    };
    std::deque<Queued> queue;

    std::shared_ptr<Capture> capture;  // while it captures
    std::vector<size_t> captureTails;  // nodes that the next captured work comes after

    bool isLegacy() const { return id == 0; }
};

struct Event {
    bool timing = true;
    bool recorded = false;
    std::shared_ptr<Stream> stream;  // of the last record
    uint64_t position = 0;
    Clock clock;
    double time = 0;                   // seconds, when the record ran
    std::shared_ptr<Capture> capture;  // if the last record was captured
    std::vector<size_t> captureTails;

    bool isDone() const { return !recorded || stream->doneTo >= position; }
};

uint64_t newStreamId();
std::shared_ptr<Stream> createStream(bool nonBlocking, void** handle);
// The stream of a handle (0, 1 and 2 are the legacy stream), or null with a finding.
std::shared_ptr<Stream> streamOf(const void* handle, const char* caller);
std::shared_ptr<Stream> legacyStream();

Status enqueue(const std::shared_ptr<Stream>& stream, Work work);
// Does one piece of work now: checks that all it names still lives, notes who touches what, runs it.
Status execute(const Work& work, const Moment& moment);

Status runTo(const std::shared_ptr<Stream>& stream, uint64_t position);
Status waitFor(const std::shared_ptr<Stream>& stream);  // the host waits: what it does from now on comes after
Status waitForAll();
bool runOne(const std::shared_ptr<Stream>& stream);     // false if nothing was queued
void dropAllQueues();

Status recordEvent(const std::shared_ptr<Event>& event, const std::shared_ptr<Stream>& stream);
Status waitEvent(const std::shared_ptr<Stream>& stream, const std::shared_ptr<Event>& event);
Status waitForEvent(const std::shared_ptr<Event>& event);

Clock& hostClock();

}  // namespace emu
