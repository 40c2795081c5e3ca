// Stream capture and graphs: work that is handed to a capturing stream becomes a node instead of running, with its arguments as
// they are now. A launch of the instantiated graph does the nodes as one piece of work.
#pragma once
#include <memory>
#include <thread>
#include <vector>

#include "Streams.h"

namespace emu {

struct Graph {
    struct Node {
        Work work;
        std::vector<size_t> dependencies;  // indices of nodes before
        uint64_t branch;                   // id of the stream that captured it
    };
    std::vector<Node> nodes;
    std::vector<uint64_t> ownedMemory;  // addresses made by allocation nodes

    ~Graph();
};

struct GraphExec {
    std::shared_ptr<Graph> graph;
    std::vector<uint64_t> branches, branchIds;  // captured stream ids and the ids they have in clocks
    uint64_t launches = 0;
};

enum class CaptureMode { Global = 0, ThreadLocal = 1, Relaxed = 2 };

struct Capture {
    std::shared_ptr<Graph> graph = std::make_shared<Graph>();
    CaptureMode mode = CaptureMode::Global;
    std::thread::id thread;
    Stream* origin = nullptr;
    std::vector<std::weak_ptr<Stream>> members;
    bool invalidated = false;
};

Status beginCapture(const std::shared_ptr<Stream>& stream, CaptureMode mode);
// Gives the graph; 901 if the capture was invalidated, 904 if a forked stream did not come back.
Status endCapture(const std::shared_ptr<Stream>& stream, std::shared_ptr<Graph>& graph);

Status captureWork(Stream& stream, Work work);
Status captureWait(Stream& stream, const Event& event);

// To be asked by calls that a capture forbids (allocation, waiting, loading): 900, with the captures invalidated, or Success.
Status refuseDuringCapture(const char* caller);
// The same for one stream that captures, whatever the mode.
Status refuseIfCapturing(Stream& stream, const char* caller);
Status refuseIfInvalidated(const Stream& stream);
// Work on the legacy stream would wait for a blocking stream that captures: 906.
Status refuseImplicitWait(const Stream& stream);

std::shared_ptr<GraphExec> instantiate(const std::shared_ptr<Graph>& graph);
Status launchGraph(const std::shared_ptr<GraphExec>& exec, const std::shared_ptr<Stream>& stream);

// 0, or the number of CUgraphExecUpdateResult that says why the graph cannot take the place of the instantiated one.
int updateGraph(GraphExec& exec, const std::shared_ptr<Graph>& graph);

}  // namespace emu
