#include "HostMemory.h"

#include <sys/mman.h>

#include <map>
#include <string>

#include "Memory.h"
#include "Reports.h"

namespace emu {

namespace {

struct Block {
    uint64_t bytes;
    bool ours;  // from cuMemHostAlloc
};

std::map<uint64_t, Block>& blocks() {
    static auto& all = *new std::map<uint64_t, Block>;
    return all;
}

const std::pair<const uint64_t, Block>* blockAt(uint64_t address) {
    auto after = blocks().upper_bound(address);
    if (after == blocks().begin()) return nullptr;
    auto found = std::prev(after);
    return address - found->first < found->second.bytes ? &*found : nullptr;
}

}  // namespace

void* allocateHost(uint64_t bytes) {
    void* address = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (address == MAP_FAILED) return nullptr;
    blocks()[reinterpret_cast<uint64_t>(address)] = {bytes, true};
    return address;
}

Status freeHost(void* address) {
    auto found = blocks().find(reinterpret_cast<uint64_t>(address));
    if (found == blocks().end() || !found->second.ours) {
        finding("cuMemFreeHost: %p was not made by cuMemHostAlloc, or is freed already", address);
        return InvalidValue;
    }
    munmap(address, found->second.bytes);
    blocks().erase(found);
    return Success;
}

Status registerHost(void* address, uint64_t bytes) {
    uint64_t first = reinterpret_cast<uint64_t>(address);
    if (!address || !bytes || isDeviceRegion(first)) {
        finding("cuMemHostRegister: %lu bytes at %p are no host memory", bytes, address);
        return InvalidValue;
    }
    if (blockAt(first) || blockAt(first + bytes - 1)) {
        finding("cuMemHostRegister: memory at %p is page-locked already", address);
        return HostMemoryAlreadyRegistered;
    }
    blocks()[first] = {bytes, false};
    return Success;
}

Status unregisterHost(void* address) {
    auto found = blocks().find(reinterpret_cast<uint64_t>(address));
    if (found == blocks().end() || found->second.ours) {
        finding("cuMemHostUnregister: %p was not registered", address);
        return HostMemoryNotRegistered;
    }
    blocks().erase(found);
    return Success;
}

bool isPinned(const void* address, uint64_t bytes) {
    uint64_t first = reinterpret_cast<uint64_t>(address);
    auto block = blockAt(first);
    return block && first + bytes <= block->first + block->second.bytes;
}

uint64_t pinnedBlocks() { return blocks().size(); }

}  // namespace emu
