// Device memory: one reserved region of addresses in which each allocation lies alone, with closed pages around it. What is freed
// stays closed, so that use after free and access out of bounds fault as on the device, or earlier.
#pragma once
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "Ordering.h"
#include "Status.h"

namespace emu {

struct Touched;

struct Allocation {
    uint64_t id = 0;       // running number, for messages
    uint64_t address = 0;  // what the program got
    uint64_t size = 0;     // what it asked for
    uint64_t base = 0;     // first open page
    uint64_t mapped = 0;   // bytes of open pages
    bool live = false;
    bool pooled = false;   // from cuMemAllocAsync
    bool ofGraph = false;  // made by an allocation node: closed and opened by the graph's launches
    std::string maker;
    std::vector<uint64_t> initialised;  // a bit a byte; kept in checked mode only
    AccessHistory history;
    Touched* touched = nullptr;  // by the running launch, in checked mode (Checks.cpp)

    bool tracksBytes() const { return !initialised.empty(); }
    bool holds(uint64_t from, uint64_t bytes) const { return from >= address && bytes <= size && from - address <= size - bytes; }
};

// Null with a note when the memory, the address region or the kernel's map of it is used up.
Allocation* allocate(uint64_t size);

// Gives back the allocation that starts at `address`; the status is InvalidValue, with a finding, where none does.
Status release(uint64_t address, const char* caller);

// Closes and opens the pages of an allocation that a graph owns.
void closePages(Allocation& allocation);
bool openPages(Allocation& allocation);

bool isDeviceRegion(uint64_t address);
Allocation* allocationAt(uint64_t address);  // the one whose pages (or closed page behind) hold the address; may be freed
std::string describe(uint64_t address);      // "offset 400 of allocation #12 of 400 bytes"

// True if the bytes lie in one living allocation; else a finding that names `what`.
bool checkRange(uint64_t address, uint64_t bytes, const char* what);

// Fills device memory that is open with poison.
void poison(uint64_t address, uint64_t bytes);

void markInitialised(uint64_t address, uint64_t bytes);
void copyInitialised(uint64_t to, uint64_t from, uint64_t bytes);
// The first byte of the range that nothing has written, or -1.
int64_t firstUninitialised(uint64_t address, uint64_t bytes);

void eachLiveAllocation(const std::function<void(Allocation&)>& visit);

constexpr int Poison = 0xFF;  // four of these are a NaN, two a NaN in either 16-bit form
constexpr uint64_t Page = 4096;

}  // namespace emu
