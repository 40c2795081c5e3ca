// Numbers that tests read: "a decode step is one graph launch, no allocation, one copy" is then a test.
#pragma once
#include <cstdint>
#include <string>

namespace emu {

// Names in use: allocations, frees, bytes_live, bytes_peak, launches, launches:NAME, threads, copies_to_device, bytes_to_device,
// copies_to_host, bytes_to_host, copies_on_device, bytes_on_device, memsets, synchronisations, graph_launches, graph_nodes,
// calls (of the driver, and of cuBLAS and cuDNN with a handle), compiles, compiles_cached, cublas_calls, cudnn_calls, checked_accesses (of all but the threads' own stacks), pool_reserved, pool_used,
// ordered_failures, bytes_touched (of what each checked kernel, library routine and copy reads, and of what it writes, every byte once).
void count(const std::string& name, uint64_t by = 1);
void setCounter(const std::string& name, uint64_t value);
uint64_t counter(const std::string& name);

// Sets all but the ones that describe a state (bytes_live, pool_*) to zero; bytes_peak starts again from bytes_live.
void resetCounters();

// What can be made to fail on purpose.
enum class Call { Allocation, Launch, Copy, Capture, Instantiate, Cublas, CublasLt, Cudnn, Compile };

// The nth call of this kind from now on (1 is the next one) answers `status`, and so do those behind it, `times` in all; 0 for n takes the order back.
bool inject(const std::string& kind, uint64_t n, int status, uint64_t times);

// To be asked once by each call of the kind: 0, or the status that it has to answer.
int injected(Call kind);

}  // namespace emu
