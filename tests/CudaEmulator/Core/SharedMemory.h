// Checks of the shared memory of the running launch; those of its blocks, barriers and warp operations are declared in Launch.h.
#pragma once
#include <cstdint>

namespace emu {

void beginSharedChecks();

// False if the bytes are not shared memory of the launch; a fault or a finding where the access is a mistake.
bool checkShared(uint64_t address, uint64_t size, int kind);

}  // namespace emu
