// Instantiated graphs: the second half of Capture.h.
#include <algorithm>

#include "Capture.h"
#include "Counters.h"
#include "Settings.h"

namespace emu {

namespace {

size_t branchIndex(const GraphExec& exec, uint64_t branch) {
    return static_cast<size_t>(std::find(exec.branches.begin(), exec.branches.end(), branch) - exec.branches.begin());
}

// An order in which all nodes come after what they depend on: as captured, or drawn by seed in the random mode.
std::vector<size_t> order(const Graph& graph) {
    std::vector<size_t> result, ready, missing(graph.nodes.size());
    std::vector<std::vector<size_t>> successors(graph.nodes.size());
    for (size_t i = 0; i < graph.nodes.size(); i++) {
        missing[i] = graph.nodes[i].dependencies.size();
        for (size_t dependency : graph.nodes[i].dependencies) successors[dependency].push_back(i);
        if (missing[i] == 0) ready.push_back(i);
    }
    while (!ready.empty()) {
        size_t pick = settings().progress == Progress::Random ? randomness()() % ready.size() : 0;
        size_t node = ready[pick];
        ready.erase(ready.begin() + static_cast<long>(pick));
        result.push_back(node);
        for (size_t next : successors[node])
            if (--missing[next] == 0) ready.push_back(next);
    }
    return result;
}

// Each captured stream counts as a stream of its own in the clocks, so that branches that race are found.
Status runNodes(const Graph& graph, const std::vector<uint64_t>& streams, const std::vector<uint64_t>& positions, const Moment& launch) {
    std::vector<std::shared_ptr<const Clock>> clocks(graph.nodes.size());
    for (size_t i : order(graph)) {
        const Graph::Node& node = graph.nodes[i];
        auto clock = std::make_shared<Clock>(*launch.clock);
        for (size_t dependency : node.dependencies) clock->merge(*clocks[dependency]);
        clock->seen[streams[i]] = positions[i];
        clocks[i] = clock;
        if (Status status = execute(node.work, {streams[i], positions[i], clock, node.work.what + " (in a graph)"})) return status;
        count("graph_nodes");
    }
    return Success;
}

}  // namespace

std::shared_ptr<GraphExec> instantiate(const std::shared_ptr<Graph>& graph) {
    auto exec = std::make_shared<GraphExec>();
    exec->graph = graph;
    for (auto& node : graph->nodes)
        if (branchIndex(*exec, node.branch) == exec->branches.size()) {
            exec->branches.push_back(node.branch);
            exec->branchIds.push_back(newStreamId());
        }
    return exec;
}

Status launchGraph(const std::shared_ptr<GraphExec>& exec, const std::shared_ptr<Stream>& stream) {
    std::shared_ptr<Graph> graph = exec->graph;
    uint64_t base = exec->launches++ * graph->nodes.size();
    std::vector<uint64_t> streams, positions;
    for (size_t i = 0; i < graph->nodes.size(); i++) {
        streams.push_back(exec->branchIds[branchIndex(*exec, graph->nodes[i].branch)]);
        positions.push_back(base + i + 1);
    }
    Work work{"graph launch", WorkKind::Library, {}, nullptr, nullptr};
    work.run = [=](const Moment& moment) { return runNodes(*graph, streams, positions, moment); };
    if (Status status = enqueue(stream, std::move(work))) return status;
    for (size_t i = 0; i < streams.size(); i++) stream->clock.seen[streams[i]] = positions[i];
    count("graph_launches");
    return Success;
}

int updateGraph(GraphExec& exec, const std::shared_ptr<Graph>& graph) {
    enum { Updated = 0, TopologyChanged = 2, NodeTypeChanged = 3, FunctionChanged = 4 };
    auto& before = exec.graph->nodes;
    auto& after = graph->nodes;
    if (before.size() != after.size()) return TopologyChanged;
    for (size_t i = 0; i < before.size(); i++) {
        if (before[i].dependencies != after[i].dependencies) return TopologyChanged;
        if (before[i].work.kind != after[i].work.kind) return NodeTypeChanged;
        if (before[i].work.identity != after[i].work.identity) return FunctionChanged;
    }
    exec = *instantiate(graph);
    return Updated;
}

}  // namespace emu
