#include "Capture.h"

#include <algorithm>

#include "Memory.h"
#include "Reports.h"

namespace emu {

namespace {

std::vector<std::weak_ptr<Capture>>& captures() {
    static auto& all = *new std::vector<std::weak_ptr<Capture>>;
    return all;
}

std::vector<std::shared_ptr<Capture>> activeCaptures() {
    std::vector<std::shared_ptr<Capture>> active;
    for (auto& weak : captures())
        if (auto capture = weak.lock())
            if (capture->origin) active.push_back(capture);
    captures().assign(active.begin(), active.end());
    return active;
}

void addTails(std::vector<size_t>& tails, const std::vector<size_t>& more) {
    for (size_t node : more)
        if (std::find(tails.begin(), tails.end(), node) == tails.end()) tails.push_back(node);
}

Status invalidate(Capture& capture, Status status) {
    capture.invalidated = true;
    return status;
}

// True if every node lies before the tails.
bool isJoined(const Graph& graph, const std::vector<size_t>& tails) {
    std::vector<bool> reached(graph.nodes.size());
    std::vector<size_t> open = tails;
    while (!open.empty()) {
        size_t node = open.back();
        open.pop_back();
        if (reached[node]) continue;
        reached[node] = true;
        open.insert(open.end(), graph.nodes[node].dependencies.begin(), graph.nodes[node].dependencies.end());
    }
    return std::all_of(reached.begin(), reached.end(), [](bool r) { return r; });
}

}  // namespace

Graph::~Graph() {
    for (uint64_t address : ownedMemory)
        if (Allocation* a = allocationAt(address))
            if (a->address == address && a->ofGraph) release(address, "graph destruction");
}

Status beginCapture(const std::shared_ptr<Stream>& stream, CaptureMode mode) {
    if (stream->isLegacy()) {
        finding("cuStreamBeginCapture: the legacy stream cannot be captured");
        return CaptureUnsupported;
    }
    if (stream->capture) {
        finding("cuStreamBeginCapture: stream %lu captures already", stream->id);
        return InvalidValue;
    }
    auto capture = std::make_shared<Capture>();
    capture->mode = mode;
    capture->thread = std::this_thread::get_id();
    capture->origin = stream.get();
    capture->members.push_back(stream);
    stream->capture = capture;
    stream->captureTails.clear();
    captures().push_back(capture);
    return Success;
}

Status endCapture(const std::shared_ptr<Stream>& stream, std::shared_ptr<Graph>& graph) {
    std::shared_ptr<Capture> capture = stream->capture;
    if (!capture) {
        finding("cuStreamEndCapture: stream %lu does not capture", stream->id);
        return InvalidValue;
    }
    if (capture->origin != stream.get()) {
        finding("cuStreamEndCapture: the capture began on stream %lu, not on stream %lu", capture->origin->id, stream->id);
        return invalidate(*capture, CaptureUnmatched);
    }
    if (capture->mode != CaptureMode::Relaxed && capture->thread != std::this_thread::get_id()) {
        finding("cuStreamEndCapture: another thread began this capture");
        return CaptureWrongThread;
    }
    std::vector<size_t> tails = stream->captureTails;
    capture->origin = nullptr;
    for (auto& member : capture->members)
        if (auto s = member.lock()) s->capture = nullptr;
    if (capture->invalidated) return CaptureInvalidated;
    if (!isJoined(*capture->graph, tails)) {
        finding("cuStreamEndCapture: work on a forked stream was not joined; record an event there and let stream %lu wait for it", stream->id);
        return CaptureUnjoined;
    }
    graph = capture->graph;
    return Success;
}

Status captureWork(Stream& stream, Work work) {
    if (Status status = refuseIfInvalidated(stream)) return status;
    Graph& graph = *stream.capture->graph;
    graph.nodes.push_back({std::move(work), stream.captureTails, stream.id});
    stream.captureTails = {graph.nodes.size() - 1};
    return Success;
}

Status captureWait(Stream& stream, const Event& event) {
    if (stream.capture && !event.capture) {
        finding("cuStreamWaitEvent: stream %lu captures, but the event was recorded outside of the capture", stream.id);
        return invalidate(*stream.capture, CaptureIsolation);
    }
    if (stream.capture && stream.capture != event.capture) {
        finding("cuStreamWaitEvent: would join two captures");
        invalidate(*event.capture, CaptureMerge);
        return invalidate(*stream.capture, CaptureMerge);
    }
    if (event.capture->invalidated) return CaptureInvalidated;
    if (!stream.capture) {
        if (!event.capture->origin) {
            finding("cuStreamWaitEvent: the event was recorded in a capture that has ended");
            return CapturedEvent;
        }
        if (stream.isLegacy()) {
            finding("cuStreamWaitEvent: the legacy stream cannot join a capture");
            return invalidate(*event.capture, CaptureImplicit);
        }
        stream.capture = event.capture;
        stream.captureTails.clear();
        event.capture->members.push_back(stream.weak_from_this());
    }
    addTails(stream.captureTails, event.captureTails);
    return Success;
}

Status refuseDuringCapture(const char* caller) {
    Status result = Success;
    for (auto& capture : activeCaptures()) {
        bool forbidden = capture->mode == CaptureMode::Global ||
                         (capture->mode == CaptureMode::ThreadLocal && capture->thread == std::this_thread::get_id());
        if (!forbidden) continue;
        finding("%s while stream %lu captures: it would be lost from the graph, and invalidates the capture", caller, capture->origin->id);
        result = invalidate(*capture, CaptureUnsupported);
    }
    return result;
}

Status refuseIfCapturing(Stream& stream, const char* caller) {
    if (!stream.capture) return Success;
    finding("%s: stream %lu captures", caller, stream.id);
    return invalidate(*stream.capture, CaptureUnsupported);
}

Status refuseIfInvalidated(const Stream& stream) { return stream.capture && stream.capture->invalidated ? CaptureInvalidated : Success; }

Status refuseImplicitWait(const Stream& stream) {
    if (!stream.isLegacy()) return Success;
    for (auto& capture : activeCaptures()) {
        bool blocking = std::any_of(capture->members.begin(), capture->members.end(), [](const std::weak_ptr<Stream>& member) {
            auto s = member.lock();
            return s && !s->nonBlocking;
        });
        if (!blocking) continue;
        finding("work on the legacy stream would wait for a blocking stream that captures; make streams non-blocking");
        return invalidate(*capture, CaptureImplicit);
    }
    return Success;
}

}  // namespace emu
