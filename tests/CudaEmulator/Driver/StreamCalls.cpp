// cuStream..., cuEvent... and cuGraph....
#include "Driver.h"

DRIVER_API cuStreamCreate(void** stream, unsigned flags) {
    ENTER;
    REFUSE_NULL(stream);
    if (flags > 1) return InvalidValue;
    createStream(flags == 1, stream);
    return Success;
}

// Comes back at once; what is queued still runs.
DRIVER_API cuStreamDestroy_v2(void* handle) {
    ENTER;
    STREAM(stream, handle);
    if (stream->isLegacy()) return InvalidHandle;
    if (Status status = refuseIfCapturing(*stream, __func__)) return status;
    dropHandle(handle);
    return Success;
}

DRIVER_API cuStreamSynchronize(void* handle) {
    ENTER;
    STREAM(stream, handle);
    if (Status status = refuseIfCapturing(*stream, __func__)) return status;
    if (Status status = refuseImplicitWait(*stream)) return status;
    count("synchronisations");
    return waitFor(stream);
}

// A query lets the stream do a step, so that a loop of queries comes to an end.
DRIVER_API cuStreamQuery(void* handle) {
    ENTER;
    STREAM(stream, handle);
    if (Status status = refuseIfCapturing(*stream, __func__)) return status;
    if (runOne(stream)) return stickyError() ? stickyError() : NotReady;
    hostClock().merge(stream->clock);
    return Success;
}

DRIVER_API cuStreamWaitEvent(void* handle, void* eventHandle, unsigned) {
    ENTER;
    STREAM(stream, handle);
    EVENT(event, eventHandle);
    return waitEvent(stream, event);
}

DRIVER_API cuStreamBeginCapture_v2(void* handle, int mode) {
    ENTER;
    STREAM(stream, handle);
    if (mode < 0 || mode > 2) return InvalidValue;
    if (int status = injected(Call::Capture)) return status;
    return beginCapture(stream, static_cast<CaptureMode>(mode));
}

DRIVER_API cuStreamEndCapture(void* handle, void** graphHandle) {
    ENTER;
    REFUSE_NULL(graphHandle);
    STREAM(stream, handle);
    std::shared_ptr<Graph> graph;
    *graphHandle = nullptr;
    if (Status status = endCapture(stream, graph)) return status;
    if (int status = injected(Call::Capture)) return status;
    *graphHandle = newHandle(Kind::Graph, graph);
    return Success;
}

DRIVER_API cuStreamIsCapturing(void* handle, int* captureStatus) {
    ENTER;
    REFUSE_NULL(captureStatus);
    STREAM(stream, handle);
    *captureStatus = !stream->capture ? 0 : stream->capture->invalidated ? 2 : 1;
    return Success;
}

// ---- events ----

DRIVER_API cuEventCreate(void** handle, unsigned flags) {
    ENTER;
    REFUSE_NULL(handle);
    constexpr unsigned DisableTiming = 2;
    if (flags > 7) return InvalidValue;
    auto event = std::make_shared<Event>();
    event->timing = !(flags & DisableTiming);
    *handle = newHandle(Kind::Event, event);
    return Success;
}

DRIVER_API cuEventDestroy_v2(void* handle) {
    ENTER;
    EVENT(event, handle);
    dropHandle(handle);
    return Success;
}

DRIVER_API cuEventRecord(void* handle, void* streamHandle) {
    ENTER;
    EVENT(event, handle);
    STREAM(stream, streamHandle);
    return recordEvent(event, stream);
}

namespace {

Status refuseCaptured(const Event& event, const char* caller) {
    if (!event.capture || !event.capture->origin) return Success;
    finding("%s: the event was recorded in a stream that captures; it marks a place in the graph and never happens", caller);
    event.capture->invalidated = true;
    return CapturedEvent;
}

}  // namespace

DRIVER_API cuEventQuery(void* handle) {
    ENTER;
    EVENT(event, handle);
    if (Status status = refuseCaptured(*event, __func__)) return status;
    if (!event->isDone()) {
        runOne(event->stream);
        return stickyError() ? stickyError() : NotReady;
    }
    hostClock().merge(event->clock);
    return Success;
}

DRIVER_API cuEventSynchronize(void* handle) {
    ENTER;
    EVENT(event, handle);
    if (Status status = refuseCaptured(*event, __func__)) return status;
    count("synchronisations");
    return waitForEvent(event);
}

DRIVER_API cuEventElapsedTime(float* milliseconds, void* startHandle, void* endHandle) {
    ENTER;
    REFUSE_NULL(milliseconds);
    EVENT(start, startHandle);
    EVENT(end, endHandle);
    if (!start->recorded || !end->recorded || !start->timing || !end->timing) {
        finding("cuEventElapsedTime: both events must be recorded, and made with timing");
        return InvalidHandle;
    }
    if (!start->isDone() || !end->isDone()) {
        note("cuEventElapsedTime: an event has not happened yet; wait for it");
        return NotReady;
    }
    *milliseconds = static_cast<float>((end->time - start->time) * 1e3);
    return Success;
}

// ---- graphs ----

#define GRAPH(name, handle)                                           \
    auto name = handleTo<Graph>(handle, Kind::Graph, __func__);       \
    if (!name) return InvalidValue
#define EXECUTABLE(name, handle)                                              \
    auto name = handleTo<GraphExec>(handle, Kind::GraphExec, __func__);       \
    if (!name) return InvalidValue

// Of the handles of nodes it tells the number alone: a null for nodes.
DRIVER_API cuGraphGetNodes(void* handle, void* nodes, size_t* count) {
    ENTER;
    REFUSE_NULL(count);
    GRAPH(graph, handle);
    if (nodes) return NotSupported;
    *count = graph->nodes.size();
    return Success;
}

DRIVER_API cuGraphInstantiateWithFlags(void** handle, void* graphHandle, unsigned long long) {
    ENTER;
    REFUSE_NULL(handle);
    GRAPH(graph, graphHandle);
    if (int status = injected(Call::Instantiate)) return status;
    *handle = newHandle(Kind::GraphExec, instantiate(graph));
    return Success;
}

DRIVER_API cuGraphLaunch(void* handle, void* streamHandle) {
    ENTER;
    EXECUTABLE(exec, handle);
    STREAM(stream, streamHandle);
    if (int status = injected(Call::Launch)) return status;
    return launchGraph(exec, stream);
}

DRIVER_API cuGraphUpload(void* handle, void* streamHandle) {
    ENTER;
    EXECUTABLE(exec, handle);
    STREAM(stream, streamHandle);
    return enqueue(stream, {"graph upload", WorkKind::Empty, {}, nullptr, nullptr});
}

// CUgraphExecUpdateResultInfo: 24 bytes.
struct UpdateInfo {
    int result;
    void *errorNode, *errorFromNode;
};
static_assert(sizeof(UpdateInfo) == 24, "as CUgraphExecUpdateResultInfo");

DRIVER_API cuGraphExecUpdate_v2(void* handle, void* graphHandle, UpdateInfo* info) {
    ENTER;
    REFUSE_NULL(info);
    EXECUTABLE(exec, handle);
    GRAPH(graph, graphHandle);
    *info = {updateGraph(*exec, graph), nullptr, nullptr};
    return info->result == 0 ? Success : GraphUpdateFailure;
}

DRIVER_API cuGraphDestroy(void* handle) {
    ENTER;
    GRAPH(graph, handle);
    dropHandle(handle);
    return Success;
}

DRIVER_API cuGraphExecDestroy(void* handle) {
    ENTER;
    EXECUTABLE(exec, handle);
    dropHandle(handle);
    return Success;
}
