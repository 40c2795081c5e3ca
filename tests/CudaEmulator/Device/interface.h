// What a compiled kernel module and the emulator's core know of each other. Included by both, hence free of other headers.
#pragma once

struct EmuIndex {
    unsigned int x, y, z;
};

// The running thread, as its code sees it.
struct EmuThread {
    EmuIndex thread, block;
};

enum EmuWarpOp { EmuShuffle, EmuShuffleUp, EmuShuffleDown, EmuShuffleXor, EmuSyncWarp, EmuBallot, EmuMatchAny };
enum EmuAccess { EmuRead, EmuWrite, EmuAtomic };

// Functions of the core that kernels call.
struct EmuCalls {
    void (*barrier)(int line);
    // A barrier that also counts the threads whose predicate holds: op 0 counts, 1 ands, 2 ors.
    int (*barrierVote)(int op, int predicate, int line);
    unsigned long (*warp)(int op, unsigned int mask, unsigned long value, int argument, int width, int line);
    void (*access)(const void* address, unsigned long size, int kind);
    int (*print)(const char* format, ...);
    void (*assertion)(const char* condition, int line);
    void (*trap)(int line);
};

enum { EmuStackBytes = 68 * 1024 };  // 64 KiB from wherever a stack begins to grow

// What the core writes into a module before it runs a block, and where.
struct EmuState {
    EmuThread* self;  // the running thread
    char* stack;      // its stack, from the lowest byte on
    const EmuCalls* calls;
    EmuIndex blockSize, gridSize;
    char* dynamicShared;
};

struct EmuParameter {
    unsigned int size, alignment;
    unsigned int pointer;  // 0 no pointer, 1 to something written, 2 to const
};

struct EmuKernel {
    const char* name;
    void (*invoke)(void* function, void** arguments);
    void* function;
    const EmuParameter* parameters;
    int parameterCount;
    int launchBounds;  // 0: none given
};

// The module's one exported symbol.
struct EmuModule {
    EmuState* state;
    const EmuKernel* kernels;  // up to the one without a name
    char *sharedBegin, *sharedEnd;
    char *imageBegin, *imageEnd;  // constants and other data of the module: reads there are no faults
    int checked;
};
