#include "Handles.h"

#include <map>

#include "Reports.h"

namespace emu {

namespace {

struct Entry {
    Kind kind;
    std::string maker;
    std::shared_ptr<void> object;  // null once destroyed
};

// As all tables of the emulator, never destroyed: at the end of the process, what the program forgot to destroy still refers to it.
std::map<uint64_t, Entry>& entries() {
    static auto& all = *new std::map<uint64_t, Entry>;
    return all;
}

// Not a canonical x86-64 user address: a program that reads through a handle faults.
uint64_t next = 0x7c00000000000000ull;

}  // namespace

const char* name(Kind kind) {
    static const char* const names[] = {
        "context", "stream", "event", "module", "function", "graph", "executable graph", "memory pool", "graph node",
        "cuBLAS handle", "cuBLASLt handle", "cuBLASLt matmul descriptor", "cuBLASLt layout", "cuBLASLt preference",
        "cuDNN handle", "tensor descriptor", "filter descriptor", "convolution descriptor", "pooling descriptor",
        "activation descriptor", "dropout descriptor", "op-tensor descriptor", "reduce-tensor descriptor"};
    return names[static_cast<int>(kind)];
}

void* newHandle(Kind kind, std::shared_ptr<void> object) {
    next += 16;
    entries()[next] = {kind, label(), std::move(object)};
    return reinterpret_cast<void*>(next);
}

std::shared_ptr<void> findHandle(const void* handle, Kind kind, const char* caller) {
    auto found = entries().find(reinterpret_cast<uint64_t>(handle));
    if (found == entries().end()) {
        finding("%s: %p is no living %s", caller, handle, name(kind));
        return nullptr;
    }
    const Entry& entry = found->second;
    if (entry.kind != kind) {
        finding("%s: wants: %s, got: %s%s", caller, name(kind), name(entry.kind), entry.object ? "" : " that was destroyed");
        return nullptr;
    }
    if (!entry.object) finding("%s: the %s was destroyed before", caller, name(kind));
    return entry.object;
}

void dropHandle(const void* handle) {
    auto found = entries().find(reinterpret_cast<uint64_t>(handle));
    if (found != entries().end()) found->second.object = nullptr;
}

void eachHandle(const std::function<void(Kind, const void*, const std::string&)>& visit) {
    for (auto& entry : entries())
        if (entry.second.object) visit(entry.second.kind, reinterpret_cast<void*>(entry.first), entry.second.maker);
}

}  // namespace emu
