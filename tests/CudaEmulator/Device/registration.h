// The table of a module's kernels. Sizes, alignments and pointer kinds of parameters come from the C++ types, never from the text.
#pragma once

template <class T> struct EmuPointer { enum { kind = 0 }; };
template <class T> struct EmuPointer<T*> { enum { kind = 1 }; };
template <class T> struct EmuPointer<const T*> { enum { kind = 2 }; };
template <class T> struct EmuPointer<T* __restrict__> { enum { kind = 1 }; };
template <class T> struct EmuPointer<const T* __restrict__> { enum { kind = 2 }; };

template <int... I> struct EmuIndices {};
#ifdef __clang__
template <class T, T... I> struct EmuSequence { typedef EmuIndices<I...> type; };
template <int N> using EmuCount = typename __make_integer_seq<EmuSequence, int, N>::type;
#else
template <int N> using EmuCount = EmuIndices<__integer_pack(N)...>;
#endif

template <class Function> struct EmuSignature;
template <class... A>
struct EmuSignature<void (*)(A...)> {
    static constexpr int count = sizeof...(A);
    // A spare entry, since a kernel without parameters would have an array of none.
    static constexpr EmuParameter parameters[count + 1] = {{sizeof(A), alignof(A), EmuPointer<A>::kind}..., {0, 0, 0}};

    template <int... I>
    EMU_UNCHECKED static void call(void (*kernel)(A...), void** arguments, EmuIndices<I...>) {
        kernel(*(A*)arguments[I]...);
    }
    EMU_UNCHECKED static void invoke(void* kernel, void** arguments) { call((void (*)(A...))kernel, arguments, EmuCount<count>{}); }
};

template <class Function>
static constexpr EmuKernel emuKernel(const char* name, Function kernel, int launchBounds) {
    return {name, &EmuSignature<Function>::invoke, (void*)kernel, EmuSignature<Function>::parameters, EmuSignature<Function>::count, launchBounds};
}

extern "C" {
extern __attribute__((visibility("hidden"))) char __bss_start[], _end[], __executable_start[] __attribute__((weak)), __ehdr_start[] __attribute__((weak));
}

#define EMU_MODULE_BEGIN namespace { EMU_NOT_SHARED EmuKernel emuKernels[] = {
#define EMU_MODULE_END                                                                                                   \
    {nullptr, nullptr, nullptr, nullptr, 0, 0}};                                                                         \
    }                                                                                                                    \
    extern "C" {                                                                                                         \
    EMU_NOT_SHARED EmuModule emuModule = {&emuState, emuKernels, nullptr, nullptr, nullptr, nullptr, EMU_IS_CHECKED};    \
    __attribute__((visibility("default"))) EmuModule* emuGetModule() {                                                                                    \
        emuModule.sharedBegin = __bss_start;                                                                             \
        emuModule.sharedEnd = _end;                                                                                      \
        emuModule.imageBegin = __ehdr_start;                                                                             \
        emuModule.imageEnd = _end;                                                                                       \
        return &emuModule;                                                                                               \
    }                                                                                                                    \
    }
#ifdef EMU_CHECKED
#define EMU_IS_CHECKED 1
#else
#define EMU_IS_CHECKED 0
#endif
