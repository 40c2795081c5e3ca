// g++ -fsanitize=thread turns every load and store into a call of these functions. There is no sanitizer behind them: they hand the
// address to the emulator, which checks bounds, content and races, unless it lies in the thread's own stack.
#pragma once

// Before the first launch, while the module's own table is set up, there is nobody to ask.
EMU_UNCHECKED static inline void emuAccess(void* address, unsigned long size, int kind) {
    if (!emuIsOwnStack(address) && emuState.calls) emuState.calls->access(address, size, kind);
}

extern "C" {
#define HOOK(name, size, kind) \
    EMU_UNCHECKED void name(void* address) { emuAccess(address, size, kind); }
#define HOOKS(size)                                         \
    HOOK(__tsan_read##size, size, EmuRead)                  \
    HOOK(__tsan_write##size, size, EmuWrite)                \
    HOOK(__tsan_unaligned_read##size, size, EmuRead)        \
    HOOK(__tsan_unaligned_write##size, size, EmuWrite)      \
    HOOK(__tsan_volatile_read##size, size, EmuRead)         \
    HOOK(__tsan_volatile_write##size, size, EmuWrite)
HOOKS(1) HOOKS(2) HOOKS(4) HOOKS(8) HOOKS(16)
#undef HOOKS
#undef HOOK
EMU_UNCHECKED void __tsan_read_range(void* address, unsigned long size) { emuAccess(address, size, EmuRead); }
EMU_UNCHECKED void __tsan_write_range(void* address, unsigned long size) { emuAccess(address, size, EmuWrite); }
EMU_UNCHECKED void __tsan_vptr_update(void*, void*) {}
EMU_UNCHECKED void __tsan_func_entry(void*) {}
EMU_UNCHECKED void __tsan_func_exit() {}
EMU_UNCHECKED void __tsan_init() {}
}
