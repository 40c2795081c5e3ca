// What checked kernels go through at each load and store: bounds, alignment and content of global memory, content and races of
// shared memory, and which bytes were touched, for the ordering check between streams.
#include <algorithm>
#include <array>
#include <deque>

#include "Counters.h"
#include "Faults.h"
#include "Fibers.h"
#include "HostMemory.h"
#include "Launch.h"
#include "Memory.h"
#include "Reports.h"

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

// ---- shared memory ----

// Who used a part of shared memory last. A barrier orders everything before it; within a warp, a warp operation orders what its
// lanes did before. For that each lane has a vector clock: its own entry counts its warp operations, a shared one takes the maxima.
struct Use {
    uint32_t epoch = 0;   // barriers so far
    uint32_t moment = 0;  // the thread's own warp clock
    int32_t thread = -1;
    int32_t atomic = 0;
};
struct Record {
    Use writer, readers[2];  // two different readers are enough: one of them is not the writer
    bool written = false;    // by this block; content of other blocks is gone
};
// Four bytes, which most accesses take together: they have one record until an access takes a part of them.
struct SharedWord {
    uint32_t block = 0;  // number of the one that used it last; for another block it is as new
    int32_t parts = -1;  // where in SharedMemory::parts its bytes have records of their own
    Record whole;
};
struct SharedMemory {
    const char* name;
    uint64_t begin = 0, bytes = 0;  // of the running launch
    std::vector<SharedWord> words;
    std::vector<std::array<Record, 4>> parts;

    uint64_t firstWord() const { return begin / 4; }
    bool holds(uint64_t address, uint64_t size) const { return address - begin < bytes && address - begin + size <= bytes; }
    void start(uint64_t address, uint64_t size) {
        begin = address;
        bytes = size;
        size_t count = bytes ? static_cast<size_t>((begin + bytes + 3) / 4 - firstWord()) : 0;
        if (count > words.size()) words.resize(count);
    }
};
SharedMemory staticShared{"static", 0, 0, {}, {}}, dynamicShared{"dynamic", 0, 0, {}, {}};
uint32_t epoch, blockNumber;  // they go on from launch to launch: what is of an earlier one is told by its number
bool raceReported;

// Warp clocks: of a warp all of whose lanes know the same, as after an operation of all of them, one for all.
uint32_t warpClocks[32][32];

[[gnu::always_inline]] inline bool isOrdered(const Use& use, const Fiber& now) {
    if (use.thread < 0 || use.thread == now.number || use.epoch != epoch) return true;
    return use.thread / 32 == now.warp && now.warpClock[use.thread % 32] > use.moment;
}

[[gnu::cold, gnu::noinline]] void reportRace(const Use& earlier, bool earlierWrote, const Fiber& now, bool write, const char* which, uint64_t offset) {
    if (raceReported) return;  // one is enough; a race in a loop would fill the log
    raceReported = true;
    finding("%s: race in %s shared memory, byte %lu: thread %d %s and thread %d %s with no barrier between them", whereAmI().c_str(), which, offset,
            earlier.thread, earlierWrote ? "writes" : "reads", now.number, write ? "writes" : "reads");
}

[[gnu::cold, gnu::noinline, noreturn]] void raiseUnwritten(const SharedMemory& memory, uint64_t address) {
    raiseFault(LaunchFailed, text("read of %s shared memory, byte %lu, that this block has not written", memory.name, address - memory.begin));
}

[[gnu::always_inline]] inline void checkRecord(Record& record, const Use& use, const Fiber& now, int kind, const SharedMemory& memory, uint64_t address) {
    if (kind != EmuWrite && !record.written) raiseUnwritten(memory, address);
    bool bothAtomic = use.atomic && record.writer.atomic;
    if (!bothAtomic && !isOrdered(record.writer, now)) reportRace(record.writer, true, now, kind != EmuRead, memory.name, address - memory.begin);
    if (kind == EmuRead) {
        Use& slot = record.readers[0].thread == now.number || record.readers[0].epoch != epoch ? record.readers[0] : record.readers[1];
        slot = use;
        return;
    }
    for (const Use& reader : record.readers)
        if (!isOrdered(reader, now)) reportRace(reader, false, now, true, memory.name, address - memory.begin);
    record.writer = use;
    record.written = true;
}

std::array<Record, 4>& partsOf(SharedWord& word, SharedMemory& memory) {
    if (word.parts < 0) {
        word.parts = static_cast<int32_t>(memory.parts.size());
        memory.parts.push_back({word.whole, word.whole, word.whole, word.whole});
    }
    return memory.parts[static_cast<size_t>(word.parts)];
}

[[gnu::noinline]] void checkShared(SharedMemory& memory, uint64_t address, uint64_t size, int kind) {
    const Fiber& now = *running().fiber;
    Use use{epoch, now.warpClock[now.lane], now.number, kind == EmuAtomic};
    for (uint64_t at = address, end = address + size; at < end;) {
        SharedWord& word = memory.words[at / 4 - memory.firstWord()];
        if (word.block != blockNumber) word = {blockNumber, -1, {}};
        uint64_t next = std::min((at / 4 + 1) * 4, end);
        if (next - at == 4 && word.parts < 0) {
            checkRecord(word.whole, use, now, kind, memory, at);
            at = next;
            continue;
        }
        std::array<Record, 4>& parts = partsOf(word, memory);
        for (; at < next; at++) checkRecord(parts[at % 4], use, now, kind, memory, at);
    }
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
    const RunningLaunch& launch = running();
    std::fill(std::begin(recent), std::end(recent), nullptr);
    accesses = 0;
    raceReported = false;
    if (epoch > 1u << 31) {  // before the numbers begin again
        epoch = blockNumber = 0;
        staticShared.words.clear();
        dynamicShared.words.clear();
    }
    staticShared.start(reinterpret_cast<uint64_t>(launch.function->module->contents->sharedBegin), launch.function->module->staticShared());
    dynamicShared.start(reinterpret_cast<uint64_t>(launch.dynamicShared), launch.shape.dynamicShared);
    for (auto& clock : warpClocks) std::fill(std::begin(clock), std::end(clock), 1u);
}

void beginCheckedBlock(int threads) {
    epoch++;
    blockNumber++;
    staticShared.parts.clear();
    dynamicShared.parts.clear();
    for (int i = 0; i < threads; i++) fibers(0)[static_cast<size_t>(i)]->warpClock = warpClocks[i / 32];
}

void afterBarrier() { epoch++; }

void afterWarpOperation(const Lanes& lanes, int lanesOfWarp) {
    const Fiber& first = **lanes.begin();
    uint32_t* common = warpClocks[first.warp];
    bool all = lanes.end() - lanes.begin() == lanesOfWarp;
    if (!all || !std::all_of(lanes.begin(), lanes.end(), [&](const Fiber* f) { return f->warpClock == common; })) {
        uint32_t merged[32] = {};
        for (const Fiber* f : lanes)
            for (int i = 0; i < 32; i++) merged[i] = std::max(merged[i], f->warpClock[i]);
        for (Fiber* f : lanes) {
            f->warpClock = all ? common : f->ownClock;
            std::copy(std::begin(merged), std::end(merged), f->warpClock);
        }
    }
    // What a lane did until now lies before, what it does next does not.
    if (all) {
        for (const Fiber* f : lanes) common[f->lane]++;
    } else {
        for (Fiber* f : lanes)
            for (const Fiber* g : lanes) f->warpClock[g->lane]++;
    }
}

// The thread's own stack never comes here (Device/checked.h).
void checkAccess(const void* pointer, unsigned long size, int kind) {
    accesses++;
    auto address = reinterpret_cast<uint64_t>(pointer);
    if (size <= 16 && (size & (size - 1)) == 0 && (address & (size - 1)) != 0) raiseMisaligned(address, size);
    if (staticShared.holds(address, size)) checkShared(staticShared, address, size, kind);
    else if (dynamicShared.holds(address, size)) checkShared(dynamicShared, address, size, kind);
    else if (isDeviceRegion(address)) checkGlobal(address, size, kind);
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
