// Every handle that a library gives out: what it stands for and who made it. Handles are running numbers that are never given out
// twice and no address in memory, so that a destroyed handle, or one of another kind, is always told from a living one.
#pragma once
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace emu {

enum class Kind {
    Context, Stream, Event, Module, Function, Graph, GraphExec, MemoryPool, GraphNode,
    Cublas, CublasLt, LtMatmulDesc, LtLayout, LtPreference,
    Cudnn, Tensor, Filter, Convolution, Pooling, Activation, Dropout, OpTensor, ReduceTensor,
};

const char* name(Kind kind);

void* newHandle(Kind kind, std::shared_ptr<void> object);

// The object behind a handle, or null with a finding that says what the handle is instead. `caller` names the function asked.
std::shared_ptr<void> findHandle(const void* handle, Kind kind, const char* caller);

template <class T>
std::shared_ptr<T> handleTo(const void* handle, Kind kind, const char* caller) {
    return std::static_pointer_cast<T>(findHandle(handle, kind, caller));
}

void dropHandle(const void* handle);

// Calls `visit` for each living handle: its kind, its number and its maker's label.
void eachHandle(const std::function<void(Kind, const void*, const std::string&)>& visit);

}  // namespace emu
