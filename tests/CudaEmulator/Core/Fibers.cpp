#include "Fibers.h"

#include <sys/mman.h>

#include "Memory.h"

// Saves the registers that a call must keep on the running stack, stores the stack pointer, and goes on with another stack.
extern "C" void emuSwitchStack(void** saveTo, void* resumeFrom);
#if !defined(__x86_64__)
#error "The emulator's fibers are written for x86-64."
#endif
asm(R"(
    .text
    .globl emuSwitchStack
    .hidden emuSwitchStack
    .type emuSwitchStack, @function
emuSwitchStack:
    pushq %rbp
    pushq %rbx
    pushq %r12
    pushq %r13
    pushq %r14
    pushq %r15
    movq %rsp, (%rdi)
    movq %rsi, %rsp
    popq %r15
    popq %r14
    popq %r13
    popq %r12
    popq %rbx
    popq %rbp
    ret
)");

namespace emu {

namespace {

void* schedulerStack = nullptr;

// Stacks that all began at the same place of a page would share a few lines of the processor's cache, so each begins at another one.
char* topOf(char* stack, size_t number) { return stack + EmuStackBytes - 64 - number * 7 % 64 * 64; }

Fiber* createFiber(size_t number) {
    char* memory = static_cast<char*>(mmap(nullptr, EmuStackBytes + Page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    mprotect(memory, Page, PROT_NONE);
    auto fiber = new Fiber;  // lives as long as the process
    fiber->stack = memory + Page;
    fiber->top = topOf(fiber->stack, number);
    return fiber;
}

}  // namespace

std::vector<Fiber*>& fibers(int count) {
    static std::vector<Fiber*> all;
    while (static_cast<int>(all.size()) < count) all.push_back(createFiber(all.size()));
    return all;
}

void prepare(Fiber& fiber, void (*entry)()) {
    auto top = reinterpret_cast<void**>(fiber.top);
    *--top = nullptr;  // where `entry` would return to: it never does; this also aligns the stack as after a call
    *--top = reinterpret_cast<void*>(entry);
    for (int i = 0; i < 6; i++) *--top = nullptr;
    fiber.stackPointer = top;
    fiber.state = FiberState::Ready;
}

void resume(Fiber& fiber) { emuSwitchStack(&schedulerStack, fiber.stackPointer); }
void yield(Fiber& fiber) { emuSwitchStack(&fiber.stackPointer, schedulerStack); }

}  // namespace emu
