// Runs the blocks of a launch one after another, the threads of a block in turns. A thread runs until it waits (barrier, warp
// operation) or ends; what waits for each other is let go together, and what can never meet is a fault.
#include <cstdarg>
#include <cstdio>
#include <cstring>
#include <algorithm>
#include <numeric>

#include "Counters.h"
#include "Faults.h"
#include "Fibers.h"
#include "Launch.h"
#include "Memory.h"
#include "Reports.h"
#include "Settings.h"

namespace emu {

namespace {

Fiber* const* block;  // the fibers of the running block, the first `threads` of them
int threads, alive;
std::vector<int> turns;  // their numbers, as they take turns
size_t turn;             // whose comes next
EmuState* state;         // of the running module
void* schedulerStack;

Fiber& at(int i) { return *block[i]; }
int warps() { return (threads + 31) / 32; }
int lanesOf(int warp) { return std::min(32, threads - warp * 32); }

const char* stateText(const Fiber& f) {
    switch (f.state) {
        case FiberState::AtBarrier: return "waits at a barrier";
        case FiberState::InWarpOperation: return "waits in a warp operation";
        case FiberState::Exited: return "has exited";
        default: return "runs";
    }
}

// ---- barriers ----

void openBarrier() {
    const Fiber& first = at(0);
    int counted = 0;
    for (int i = 0; i < threads; i++) {
        Fiber& f = at(i);
        if (f.line != first.line || f.voteOp != first.voteOp)
            raiseFault(LaunchFailed, text("threads wait at different barriers: thread 0 at line %d, thread %d at line %d", first.line, i, f.line));
        counted += f.vote;
    }
    for (int i = 0; i < threads; i++) {
        Fiber& f = at(i);
        f.result = static_cast<uint64_t>(f.voteOp == 0 ? counted : f.voteOp == 1 ? counted == threads : counted > 0);
        f.state = FiberState::Ready;
    }
    if (running().function->module->contents->checked) afterBarrier();
}

[[noreturn]] void raiseDeadlock() {
    int waiting = -1, other = -1;
    for (int i = 0; i < threads; i++) (at(i).state == FiberState::AtBarrier ? waiting : other) = i;
    if (waiting >= 0 && other >= 0)
        raiseFault(LaunchFailed, text("a barrier that not all threads reach: thread %d waits at line %d, thread %d %s%s", waiting, at(waiting).line, other,
                                      stateText(at(other)), at(other).state == FiberState::Exited ? " (no return before a barrier)" : ""));
    int stuck = 0;
    for (int i = 0; i < threads; i++)
        if (at(i).state == FiberState::InWarpOperation) stuck = i;
    raiseFault(LaunchFailed, text("thread %d waits at line %d in a warp operation with mask %08x, whose other lanes never come", stuck, at(stuck).line, at(stuck).mask));
}

// ---- warps ----

// All lanes of the mask wait in the same operation. False if one is still on its way; a fault if one can never come.
bool allHere(const Fiber& asking) {
    for (int lane = 0; lane < 32; lane++) {
        if (!(asking.mask >> lane & 1)) continue;
        int i = asking.warp * 32 + lane;
        if (i >= threads) {
            if (asking.mask != 0xffffffffu)
                raiseFault(LaunchFailed, text("line %d: mask %08x names lane %d, which the block of %d threads does not have", asking.line, asking.mask, lane, threads));
            continue;  // a full mask in a last, partial warp is how everybody writes it
        }
        const Fiber& f = at(i);
        if (f.state == FiberState::Exited)
            raiseFault(LaunchFailed, text("line %d: a warp operation with mask %08x waits for lane %d, which has exited", asking.line, asking.mask, lane));
        if (f.state != FiberState::InWarpOperation) return false;
        if (f.mask != asking.mask || f.op != asking.op)
            raiseFault(LaunchFailed, text("lanes %d (line %d, mask %08x) and %d (line %d, mask %08x) of a warp meet in different warp operations", asking.lane,
                                          asking.line, asking.mask, lane, f.line, f.mask));
    }
    return true;
}

int sourceLane(const Fiber& f) {
    int first = f.lane / f.width * f.width, lane = f.lane, end = first + f.width;
    switch (f.op) {
        case EmuShuffle: return first + (f.argument & (f.width - 1));
        case EmuShuffleUp: return lane - f.argument < first ? lane : lane - f.argument;
        case EmuShuffleDown: return lane + f.argument >= end ? lane : lane + f.argument;
        case EmuShuffleXor: return (lane ^ f.argument) >= end ? lane : lane ^ f.argument;
        default: return lane;
    }
}

void deliver(const Lanes& lanes) {
    unsigned ballot = 0;
    for (const Fiber* f : lanes) ballot |= f->value ? 1u << f->lane : 0u;
    for (Fiber* f : lanes) {  // values stay as they are until all results are there
        if (f->op == EmuBallot) {
            f->result = ballot;
        } else if (f->op == EmuMatchAny) {
            f->result = 0;
            for (const Fiber* g : lanes) f->result |= g->value == f->value ? 1ull << g->lane : 0;
        } else {
            int source = sourceLane(*f), i = f->warp * 32 + source;
            bool takesPart = (f->mask >> source & 1) && i < threads;
            if (!takesPart && !running().shuffleReported)
                finding("kernel %s, line %d: lane %d shuffles from lane %d, which takes no part; the result is undefined",
                        running().function->kernel->name, f->line, f->lane, source);
            running().shuffleReported |= !takesPart;
            f->result = takesPart ? at(i).value : ~0ull;
        }
    }
}

// Lets go the groups of lanes of a warp that have all arrived.
bool openWarpOperations(int warp) {
    bool any = false;
    for (int lane = 0; lane < lanesOf(warp); lane++) {
        Fiber& f = at(warp * 32 + lane);
        if (f.state != FiberState::InWarpOperation || !allHere(f)) continue;
        Lanes lanes;
        for (int k = 0; k < lanesOf(warp); k++)
            if (f.mask >> k & 1) lanes.add(&at(warp * 32 + k));
        deliver(lanes);
        if (running().function->module->contents->checked) afterWarpOperation(lanes, lanesOf(warp));
        for (Fiber* g : lanes) g->state = FiberState::Ready;
        any = true;
    }
    return any;
}

// ---- turns ----

// The next thread that can run in this round, made the running one; null at the round's end.
Fiber* beginTurn() {
    while (turn < turns.size()) {
        Fiber& f = at(turns[turn++]);
        if (f.state != FiberState::Ready) continue;
        running().fiber = &f;
        state->self = &f.index;
        state->stack = f.stack;
        return &f;
    }
    return nullptr;
}

// From one thread to the next, or back to the scheduler.
void endTurn(Fiber& f) {
    const Fiber* next = beginTurn();
    switchStack(&f.stackPointer, next ? next->stackPointer : schedulerStack);
}

void runBlock() {
    turns.resize(static_cast<size_t>(threads));
    std::iota(turns.begin(), turns.end(), 0);
    if (settings().threadOrder == ThreadOrder::Backward) std::reverse(turns.begin(), turns.end());
    for (alive = threads; alive > 0;) {
        if (settings().threadOrder == ThreadOrder::Shuffled) std::shuffle(turns.begin(), turns.end(), randomness());
        turn = 0;
        if (const Fiber* first = beginTurn()) switchStack(&schedulerStack, first->stackPointer);
        if (alive == 0) break;
        bool any = false;
        for (int w = 0; w < warps(); w++) any |= openWarpOperations(w);
        if (any) continue;
        bool allAtBarrier = true;
        for (int i = 0; i < threads && allAtBarrier; i++) allAtBarrier = at(i).state == FiberState::AtBarrier;
        if (!allAtBarrier) raiseDeadlock();
        openBarrier();
    }
}

void enterKernel() {
    const RunningLaunch& launch = running();
    launch.function->kernel->invoke(launch.function->kernel->function, launch.arguments);
    Fiber& f = *running().fiber;
    f.state = FiberState::Exited;
    alive--;
    endTurn(f);
}

void startBlock(EmuIndex index) {
    RunningLaunch& launch = running();
    launch.block = index;
    const EmuModule& module = *launch.function->module->contents;
    memset(module.sharedBegin, Poison, static_cast<size_t>(module.sharedEnd - module.sharedBegin));
    if (launch.dynamicShared) memset(launch.dynamicShared, Poison, launch.shape.dynamicShared);
    const EmuIndex& size = launch.shape.block;
    EmuIndex thread{0, 0, 0};
    for (int i = 0; i < threads; i++) {
        Fiber& f = at(i);
        f.index = {thread, index};
        if (++thread.x == size.x) {
            thread.x = 0;
            if (++thread.y == size.y) thread.y = 0, thread.z++;
        }
        f.number = i;
        f.warp = i / 32;
        f.lane = i % 32;
        prepare(f, enterKernel);
    }
    if (module.checked) beginCheckedBlock(threads);
}

// ---- what kernels call ----

void wait(FiberState reason, int line) {
    Fiber& f = *running().fiber;
    f.line = line;
    f.state = reason;
    endTurn(f);
}

int barrierVote(int op, int predicate, int line) {
    running().fiber->voteOp = op;
    running().fiber->vote = predicate;
    wait(FiberState::AtBarrier, line);
    return static_cast<int>(running().fiber->result);
}

void barrier(int line) { barrierVote(-1, 0, line); }

unsigned long warpOperation(int op, unsigned mask, unsigned long value, int argument, int width, int line) {
    Fiber& f = *running().fiber;
    if (!(mask >> f.lane & 1))
        raiseFault(LaunchFailed, text("line %d: the mask %08x of a warp operation leaves out the calling lane %d", line, mask, f.lane));
    if (width < 1 || width > 32 || (width & (width - 1)) != 0)
        raiseFault(LaunchFailed, text("line %d: a shuffle of width %d; it is a power of two up to 32", line, width));
    f.op = op;
    f.mask = mask;
    f.value = value;
    f.argument = argument;
    f.width = width;
    wait(FiberState::InWarpOperation, line);
    return f.result;
}

int print(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    int written = vprintf(format, arguments);
    va_end(arguments);
    return written;
}

void assertion(const char* condition, int line) { raiseFault(DeviceAssert, text("assertion '%s' at line %d does not hold", condition, line)); }
void trap(int line) { raiseFault(LaunchFailed, text("__trap() at line %d", line)); }

}  // namespace

const EmuCalls* emulatorCalls() {
    static const EmuCalls calls = {barrier, barrierVote, warpOperation, checkAccess, print, assertion, trap};
    return &calls;
}

void runBlocks() {
    const LaunchShape& shape = running().shape;
    threads = static_cast<int>(shape.threads());
    block = fibers(threads).data();
    state = running().function->module->contents->state;
    uint64_t blocks = static_cast<uint64_t>(shape.grid.x) * shape.grid.y * shape.grid.z;
    // Every block once, from a start and with a stride drawn by seed: a stride without a common factor with the count visits all.
    uint64_t start = randomness()() % blocks, stride = blocks > 1 ? randomness()() % blocks | 1 : 1;
    while (std::gcd(stride, blocks) != 1) stride++;
    for (uint64_t n = 0; n < blocks; n++) {
        uint64_t i = (start + n * stride) % blocks;
        startBlock({static_cast<unsigned>(i % shape.grid.x), static_cast<unsigned>(i / shape.grid.x % shape.grid.y),
                    static_cast<unsigned>(i / shape.grid.x / shape.grid.y)});
        runBlock();
    }
    count("threads", blocks * static_cast<uint64_t>(threads));
}

}  // namespace emu
