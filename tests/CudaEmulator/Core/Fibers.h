// Threads of a block as fibers: each has a small stack of its own, and they take turns on the thread that waits for the launch.
#pragma once
#include <cstdint>
#include <vector>

#include "../Device/interface.h"

namespace emu {

enum class FiberState { Ready, AtBarrier, InWarpOperation, Exited };

struct Fiber {
    EmuThread index;
    void* stackPointer = nullptr;
    char* stack = nullptr;  // lowest usable byte; a closed page lies below
    char* top = nullptr;    // where it begins to grow
    FiberState state = FiberState::Ready;
    int number = 0, warp = 0, lane = 0;

    int line = 0;  // where it waits
    // At a barrier: a vote, or none.
    int voteOp = -1, vote = 0;
    // In a warp operation:
    int op = 0, argument = 0, width = 32;
    unsigned mask = 0;
    uint64_t value = 0, result = 0;

    // For races within a warp: what this lane knows of the others' warp operations (a vector clock, its own or its warp's; see SharedMemory.cpp).
    uint32_t* warpClock = nullptr;
    uint32_t ownClock[32] = {};

    bool belowStack(uint64_t address) const {
        return address < reinterpret_cast<uint64_t>(stack) && address >= reinterpret_cast<uint64_t>(stack) - 4096;
    }
};

// Those lanes of a warp that meet in one operation.
class Lanes {
public:
    void add(Fiber* fiber) { fibers_[count_++] = fiber; }
    Fiber* const* begin() const { return fibers_; }
    Fiber* const* end() const { return fibers_ + count_; }

private:
    Fiber* fibers_[32];
    int count_ = 0;
};

// At least `count` fibers; they are kept for later launches.
std::vector<Fiber*>& fibers(int count);

// Makes the fiber start with `entry` at its next turn.
void prepare(Fiber& fiber, void (*entry)());

// Leaves the running stack, to be gone on with from `left`, and goes on with the one that was left at `other`. Inlined, and a jump in place of a return: a processor
// predicts returns by the calls before them, and each would be one of another stack. The registers that it keeps on the stack are those that the clobbers cannot name.
[[gnu::always_inline]] inline void switchStack(void** left, void* other) {
    asm volatile(
        "pushq %%rbp\n\t"
        "leaq 1f(%%rip), %%rax\n\t"
        "pushq %%rax\n\t"
        "movq %%rsp, (%0)\n\t"
        "movq %1, %%rsp\n\t"
        "popq %%rax\n\t"
        "jmp *%%rax\n"
        "1:\n\t"
        "popq %%rbp"
        : "+D"(left), "+S"(other)
        :
        : "rax", "rbx", "rcx", "rdx", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15", "memory", "cc", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8",
          "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
}

}  // namespace emu
