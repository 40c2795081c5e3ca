// What checked kernels go through at each load and store: bounds, alignment and content of global memory, and which bytes were
// touched, for the ordering check between streams. Shared memory is in SharedMemory.cpp.
#include <algorithm>
#include <deque>

#include "Counters.h"
#include "Faults.h"
#include "Fibers.h"
#include "HostMemory.h"
#include "Launch.h"
#include "Memory.h"
#include "Reports.h"
#include "SharedMemory.h"

namespace emu {

// A bit a byte: what the launch read and wrote of one allocation.
struct Touched {
    Allocation* allocation = nullptr;
    std::vector<uint64_t> read, written;
};

namespace {

// ---- global memory ----

std::deque<Touched> touched;  // the first `touchedCount` of them; the others keep their memory for later launches
size_t touchedCount;
Allocation* recent[64];  // those that the launch's last accesses found, by page
uint64_t accesses;

[[gnu::noinline]] void touch(Allocation* a) {
    if (touchedCount == touched.size()) touched.emplace_back();
    Touched& t = touched[touchedCount++];
    t.allocation = a;
    t.read.assign((a->size + 63) / 64, 0);
    t.written.assign((a->size + 63) / 64, 0);
    a->touched = &t;
}

Touched& touchedOf(Allocation* a) {
    if (!a->touched) touch(a);
    return *a->touched;
}

// Calls visit(word, its bits) for the words that hold the bits first ... first + n - 1; false as soon as it is.
template <class Visit>
bool eachWord(uint64_t first, uint64_t n, Visit visit) {
    for (uint64_t end = first + n; first < end;) {
        uint64_t at = first & 63, many = std::min(64 - at, end - first);
        if (!visit(first >> 6, (many == 64 ? ~0ull : (1ull << many) - 1) << at)) return false;
        first += many;
    }
    return true;
}

void setBits(std::vector<uint64_t>& bits, uint64_t first, uint64_t n) {
    eachWord(first, n, [&](uint64_t word, uint64_t mask) {
        bits[word] |= mask;
        return true;
    });
}

bool hasBits(const std::vector<uint64_t>& bits, uint64_t first, uint64_t n) {
    return eachWord(first, n, [&](uint64_t word, uint64_t mask) { return (bits[word] & mask) == mask; });
}

// Faults are apart from the checks, which run for each access.
[[gnu::cold, gnu::noinline, noreturn]] void raiseMisaligned(uint64_t address, uint64_t size) {
    raiseFault(MisalignedAddress, text("access of %lu bytes at %s, which is not a multiple of %lu", size, describe(address).c_str(), size));
}

[[gnu::cold, gnu::noinline, noreturn]] void raiseGlobal(uint64_t address, uint64_t size, int kind, bool exists) {
    const char* verb = kind == EmuRead ? "read" : kind == EmuWrite ? "write" : "atomic operation";
    if (!exists) raiseFault(IllegalAddress, text("%s of %lu bytes at %s", verb, size, describe(address).c_str()));
    raiseFault(LaunchFailed, text("%s of %lu bytes that nothing has written: %s", verb, size, describe(address).c_str()));
}

[[gnu::noinline]] void checkGlobal(uint64_t address, uint64_t size, int kind) {
    Allocation*& a = recent[address / Page % 64];
    if (!a || !a->holds(address, size)) {
        a = allocationAt(address);
        if (!a || !a->live || !a->holds(address, size)) raiseGlobal(address, size, kind, false);
    }
    uint64_t first = address - a->address;
    if (kind != EmuWrite && a->tracksBytes() && !hasBits(a->initialised, first, size)) raiseGlobal(address, size, kind, true);
    Touched& t = touchedOf(a);
    if (kind != EmuWrite) setBits(t.read, first, size);
    if (kind != EmuRead) {
        setBits(t.written, first, size);
        if (a->tracksBytes()) setBits(a->initialised, first, size);
    }
}

std::vector<Interval> toIntervals(const std::vector<uint64_t>& bits, uint64_t base) {
    constexpr size_t Most = 4096;  // beyond that, the last one stands for the rest
    std::vector<Interval> result;
    for (uint64_t i = 0; i < bits.size(); i++) {
        for (uint64_t word = bits[i], at = 0; word >> at;) {
            at += static_cast<uint64_t>(__builtin_ctzll(word >> at));
            uint64_t clear = ~(word >> at), many = clear ? static_cast<uint64_t>(__builtin_ctzll(clear)) : 64, first = base + i * 64 + at;
            bool extends = !result.empty() && (result.back().last + 1 == first || result.size() == Most);
            if (extends) result.back().last = first + many - 1;
            else result.push_back({first, first + many - 1});
            at += many;
            if (at == 64) break;
        }
    }
    return result;
}

// threadIdx, blockIdx and the table of the emulator's functions are loads too.
bool isEmulatorsOwn(uint64_t address) {
    auto index = reinterpret_cast<uint64_t>(&running().fiber->index), calls = reinterpret_cast<uint64_t>(emulatorCalls());
    return (address >= index && address < index + sizeof(EmuThread)) || (address >= calls && address < calls + sizeof(EmuCalls));
}

[[gnu::noinline]] void checkElsewhere(uint64_t address, int kind) {
    if (isEmulatorsOwn(address)) return;
    const RunningLaunch& launch = running();
    const EmuModule& module = *launch.function->module->contents;
    if (address >= reinterpret_cast<uint64_t>(module.imageBegin) && address < reinterpret_cast<uint64_t>(module.imageEnd) && kind == EmuRead) return;
    auto dynamic = reinterpret_cast<uint64_t>(launch.dynamicShared);
    bool beyond = dynamic && address >= dynamic && address < dynamic + 4096;
    raiseFault(IllegalAddress, beyond ? text("byte %lu of dynamic shared memory; the launch gave %u", address - dynamic, launch.shape.dynamicShared)
                                      : "access to " + describe(address));
}

}  // namespace

void beginChecks() {
    std::fill(std::begin(recent), std::end(recent), nullptr);
    accesses = 0;
    beginSharedChecks();
}

// The thread's own stack never comes here (Device/checked.h).
void checkAccess(const void* pointer, unsigned long size, int kind) {
    accesses++;
    auto address = reinterpret_cast<uint64_t>(pointer);
    if (size <= 16 && (size & (size - 1)) == 0 && (address & (size - 1)) != 0) raiseMisaligned(address, size);
    if (checkShared(address, size, kind)) return;
    if (isDeviceRegion(address)) checkGlobal(address, size, kind);
    else checkElsewhere(address, kind);
}

void endChecks() {
    count("checked_accesses", accesses);
    uint64_t bytes = 0;
    for (size_t i = 0; i < touchedCount; i++) {
        Touched& t = touched[i];
        Allocation& a = *t.allocation;
        for (const auto* bits : {&t.read, &t.written})
            for (uint64_t word : *bits) bytes += static_cast<uint64_t>(__builtin_popcountll(word));
        a.history.add(*running().moment, toIntervals(t.read, a.address), false, a.id);
        a.history.add(*running().moment, toIntervals(t.written, a.address), true, a.id);
        a.touched = nullptr;
    }
    count("bytes_touched", bytes);
    touchedCount = 0;
}

}  // namespace emu
