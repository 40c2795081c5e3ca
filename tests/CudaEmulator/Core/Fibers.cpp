#include "Fibers.h"

#include <sys/mman.h>

#include "Memory.h"

#if !defined(__x86_64__)
#error "The emulator's fibers are written for x86-64."
#endif

namespace emu {

namespace {

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
    fiber.stackPointer = top;
    fiber.state = FiberState::Ready;
}

}  // namespace emu
