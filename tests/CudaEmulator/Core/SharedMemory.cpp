// Content and races of shared memory, for checked kernels.
#include "SharedMemory.h"

#include <algorithm>
#include <array>

#include "Faults.h"
#include "Fibers.h"
#include "Launch.h"
#include "Reports.h"

namespace emu {

namespace {

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

[[gnu::noinline]] void check(SharedMemory& memory, uint64_t address, uint64_t size, int kind) {
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

}  // namespace

void beginSharedChecks() {
    const RunningLaunch& launch = running();
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

bool checkShared(uint64_t address, uint64_t size, int kind) {
    SharedMemory* memory = staticShared.holds(address, size) ? &staticShared : dynamicShared.holds(address, size) ? &dynamicShared : nullptr;
    if (memory) check(*memory, address, size, kind);
    return memory;
}

}  // namespace emu
