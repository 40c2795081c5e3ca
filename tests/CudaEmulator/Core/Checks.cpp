// What checked kernels go through at each load and store: bounds, alignment and content of global memory, content and races of
// shared memory, and which bytes were touched, for the ordering check between streams.
#include <algorithm>
#include <unordered_map>

#include "Counters.h"
#include "Faults.h"
#include "Fibers.h"
#include "HostMemory.h"
#include "Launch.h"
#include "Memory.h"
#include "Reports.h"

namespace emu {

namespace {

// ---- global memory ----

// A bit a byte: what the launch read and wrote of one allocation.
struct Touched {
    std::vector<uint64_t> read, written;
};
std::unordered_map<Allocation*, Touched> touched;
Allocation* lastAllocation;
Touched* lastTouched;
uint64_t accesses;

Touched& touchedOf(Allocation* a) {
    if (a == lastAllocation) return *lastTouched;
    Touched& t = touched[a];
    if (t.read.empty()) {
        t.read.assign((a->size + 63) / 64, 0);
        t.written.assign((a->size + 63) / 64, 0);
    }
    lastAllocation = a;
    lastTouched = &t;
    return t;
}

void setBits(std::vector<uint64_t>& bits, uint64_t first, uint64_t n) {
    for (uint64_t i = first; i < first + n; i++) bits[i >> 6] |= 1ull << (i & 63);
}

bool hasBits(const std::vector<uint64_t>& bits, uint64_t first, uint64_t n) {
    for (uint64_t i = first; i < first + n; i++)
        if (!(bits[i >> 6] >> (i & 63) & 1)) return false;
    return true;
}

void checkGlobal(uint64_t address, uint64_t size, int kind) {
    const char* verb = kind == EmuRead ? "read" : kind == EmuWrite ? "write" : "atomic operation";
    Allocation* a = lastAllocation && lastAllocation->holds(address, size) ? lastAllocation : allocationAt(address);
    if (!a || !a->live || !a->holds(address, size)) raiseFault(IllegalAddress, text("%s of %lu bytes at %s", verb, size, describe(address).c_str()));
    uint64_t first = address - a->address;
    if (kind != EmuWrite && a->tracksBytes() && !hasBits(a->initialised, first, size))
        raiseFault(LaunchFailed, text("%s of %lu bytes that nothing has written: %s", verb, size, describe(address).c_str()));
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
    for (uint64_t i = 0; i < bits.size() * 64; i++) {
        uint64_t word = bits[i >> 6];
        if (word == 0) {
            i |= 63;
        } else if (word == ~0ull && (i & 63) == 0 && !result.empty() && result.back().last + 1 == base + i) {
            result.back().last = base + (i |= 63);
        } else if (word >> (i & 63) & 1) {
            bool extends = !result.empty() && (result.back().last + 1 == base + i || result.size() == Most);
            if (extends) result.back().last = base + i;
            else result.push_back({base + i, base + i});
        }
    }
    return result;
}

// ---- shared memory ----

// Who used one byte of shared memory last. A barrier orders everything before it; within a warp, a warp operation orders what its
// lanes did before. For that each lane has a vector clock: its own entry counts its warp operations, a shared one takes the maxima.
struct Use {
    int thread = -1;
    uint32_t epoch = 0;   // barriers so far in this launch
    uint32_t moment = 0;  // the thread's own warp clock
    bool atomic = false;
};
struct SharedByte {
    Use writer, readers[2];   // two different readers are enough: one of them is not the writer
    uint32_t writtenIn = 0;   // block number; content of other blocks is gone
};
std::vector<SharedByte> staticShared, dynamicShared;
uint32_t epoch, blockNumber;
bool raceReported;

bool isOrdered(const Use& use, const Fiber& now) {
    if (use.thread < 0 || use.thread == now.number || use.epoch != epoch) return true;
    return use.thread / 32 == now.warp && now.warpClock[use.thread % 32] > use.moment;
}

void reportRace(const Use& earlier, bool earlierWrote, const Fiber& now, bool write, const char* which, uint64_t offset) {
    if (raceReported) return;  // one is enough; a race in a loop would fill the log
    raceReported = true;
    finding("%s: race in %s shared memory, byte %lu: thread %d %s and thread %d %s with no barrier between them", whereAmI().c_str(), which, offset,
            earlier.thread, earlierWrote ? "writes" : "reads", now.number, write ? "writes" : "reads");
}

void checkShared(std::vector<SharedByte>& memory, uint64_t offset, uint64_t size, int kind, const char* which) {
    const Fiber& now = *running().fiber;
    Use use{now.number, epoch, now.warpClock[now.lane], kind == EmuAtomic};
    for (uint64_t i = offset; i < offset + size; i++) {
        SharedByte& byte = memory[i];
        if (kind != EmuWrite && byte.writtenIn != blockNumber)
            raiseFault(LaunchFailed, text("read of %s shared memory, byte %lu, that this block has not written", which, i));
        bool bothAtomic = use.atomic && byte.writer.atomic;
        if (!bothAtomic && !isOrdered(byte.writer, now)) reportRace(byte.writer, true, now, kind != EmuRead, which, i);
        if (kind == EmuRead) {
            Use& slot = byte.readers[0].thread == now.number || byte.readers[0].epoch != epoch ? byte.readers[0] : byte.readers[1];
            slot = use;
        } else {
            for (const Use& reader : byte.readers)
                if (!isOrdered(reader, now)) reportRace(reader, false, now, true, which, i);
            byte.writer = use;
            byte.writtenIn = blockNumber;
        }
    }
}

// threadIdx, blockIdx and the table of the emulator's functions are loads too.
bool isEmulatorsOwn(uint64_t address) {
    auto index = reinterpret_cast<uint64_t>(&running().fiber->index), calls = reinterpret_cast<uint64_t>(emulatorCalls());
    return (address >= index && address < index + sizeof(EmuThread)) || (address >= calls && address < calls + sizeof(EmuCalls));
}

}  // namespace

void beginChecks() {
    touched.clear();
    lastAllocation = nullptr;
    accesses = 0;
    raceReported = false;
    epoch = blockNumber = 0;
    staticShared.assign(running().function->module->staticShared(), {});
    dynamicShared.assign(running().shape.dynamicShared, {});
}

void beginCheckedBlock() {
    epoch++;
    blockNumber++;
    for (Fiber* f : fibers(0)) std::fill(std::begin(f->warpClock), std::end(f->warpClock), 1u);
}

void afterBarrier() { epoch++; }

void afterWarpOperation(const Lanes& lanes) {
    uint32_t merged[32] = {};
    for (const Fiber* f : lanes)
        for (int i = 0; i < 32; i++) merged[i] = std::max(merged[i], f->warpClock[i]);
    for (const Fiber* f : lanes) merged[f->lane]++;  // what a lane did until now lies before, what it does next does not
    for (Fiber* f : lanes) std::copy(std::begin(merged), std::end(merged), f->warpClock);
}

void checkAccess(const void* pointer, unsigned long size, int kind) {
    accesses++;
    auto address = reinterpret_cast<uint64_t>(pointer);
    RunningLaunch& launch = running();
    if (launch.fiber->onStack(address)) return;
    if (size <= 16 && (size & (size - 1)) == 0 && address % size != 0)
        raiseFault(MisalignedAddress, text("access of %lu bytes at %s, which is not a multiple of %lu", size, describe(address).c_str(), size));
    if (isDeviceRegion(address)) {
        checkGlobal(address, size, kind);
        return;
    }
    const EmuModule& module = *launch.function->module->contents;
    auto shared = reinterpret_cast<uint64_t>(module.sharedBegin), dynamic = reinterpret_cast<uint64_t>(launch.dynamicShared);
    if (address >= shared && address + size <= reinterpret_cast<uint64_t>(module.sharedEnd)) {
        checkShared(staticShared, address - shared, size, kind, "static");
    } else if (dynamic && address >= dynamic && address + size <= dynamic + launch.shape.dynamicShared) {
        checkShared(dynamicShared, address - dynamic, size, kind, "dynamic");
    } else if (isEmulatorsOwn(address)) {
        return;
    } else if (address < reinterpret_cast<uint64_t>(module.imageBegin) || address >= reinterpret_cast<uint64_t>(module.imageEnd) || kind != EmuRead) {
        bool beyond = dynamic && address >= dynamic && address < dynamic + 4096;
        raiseFault(IllegalAddress, beyond ? text("byte %lu of dynamic shared memory; the launch gave %u", address - dynamic, launch.shape.dynamicShared)
                                          : "access to " + describe(address));
    }
}

void endChecks() {
    count("checked_accesses", accesses);
    uint64_t bytes = 0;
    for (auto& entry : touched) {
        Allocation& a = *entry.first;
        for (const auto* bits : {&entry.second.read, &entry.second.written})
            for (uint64_t word : *bits) bytes += static_cast<uint64_t>(__builtin_popcountll(word));
        a.history.add(*running().moment, toIntervals(entry.second.read, a.address), false, a.id);
        a.history.add(*running().moment, toIntervals(entry.second.written, a.address), true, a.id);
    }
    count("bytes_touched", bytes);
    touched.clear();
}

}  // namespace emu
