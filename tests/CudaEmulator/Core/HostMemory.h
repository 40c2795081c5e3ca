// Page-locked host memory: what cuMemHostAlloc made and cuMemHostRegister announced. Asynchronous copies read and write such memory
// when they run, all other host memory when they are called.
#pragma once
#include <cstdint>

#include "Status.h"

namespace emu {

void* allocateHost(uint64_t bytes);
Status freeHost(void* address);
Status registerHost(void* address, uint64_t bytes);
Status unregisterHost(void* address);

// True if all of the range is page-locked.
bool isPinned(const void* address, uint64_t bytes);

// Page-locked blocks that are still there, for the report of leaks.
uint64_t pinnedBlocks();

}  // namespace emu
