#include "Handles.h"

#include <map>
#include <unordered_map>

#include "Reports.h"

namespace emu {

namespace {

struct Entry {
    Kind kind;
    std::string maker;
    std::shared_ptr<void> object;
};

// As all tables of the emulator, never destroyed: at the end of the process, what the program forgot to destroy still refers to it.
std::map<uint64_t, Entry>& living() {
    static auto& all = *new std::map<uint64_t, Entry>;
    return all;
}

// What was destroyed, for messages alone: many times as many after a while.
std::unordered_map<uint64_t, Kind>& destroyed() {
    static auto& all = *new std::unordered_map<uint64_t, Kind>;
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
    living()[next] = {kind, label(), std::move(object)};
    return reinterpret_cast<void*>(next);
}

std::shared_ptr<void> findHandle(const void* handle, Kind kind, const char* caller) {
    auto found = living().find(reinterpret_cast<uint64_t>(handle));
    if (found != living().end() && found->second.kind == kind) return found->second.object;
    auto gone = destroyed().find(reinterpret_cast<uint64_t>(handle));
    if (found != living().end()) finding("%s: wants: %s, got: %s", caller, name(kind), name(found->second.kind));
    else if (gone == destroyed().end()) finding("%s: %p is no living %s", caller, handle, name(kind));
    else if (gone->second != kind) finding("%s: wants: %s, got: %s that was destroyed", caller, name(kind), name(gone->second));
    else finding("%s: the %s was destroyed before", caller, name(kind));
    return nullptr;
}

void dropHandle(const void* handle) {
    auto found = living().find(reinterpret_cast<uint64_t>(handle));
    if (found == living().end()) return;
    destroyed()[found->first] = found->second.kind;
    std::shared_ptr<void> object = std::move(found->second.object);  // its end may drop others: a module its functions
    living().erase(found);
}

void eachHandle(const std::function<void(Kind, const void*, const std::string&)>& visit) {
    for (auto& entry : living()) visit(entry.second.kind, reinterpret_cast<void*>(entry.first), entry.second.maker);
}

}  // namespace emu
