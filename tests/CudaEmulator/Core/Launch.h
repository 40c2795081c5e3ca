// Kernels: modules of them, and one launch.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "../Device/interface.h"
#include "Streams.h"

namespace emu {

struct Function;

// A loaded image: a shared object that the NVRTC stand-in made.
struct Module {
    ~Module();
    void* library = nullptr;
    EmuModule* contents = nullptr;
    std::map<std::string, std::shared_ptr<Function>> functions;
    std::map<std::string, void*> handles;

    uint64_t staticShared() const { return static_cast<uint64_t>(contents->sharedEnd - contents->sharedBegin); }
};

struct Function {
    Module* module;
    const EmuKernel* kernel;
    int maxThreads = 1024;
    int maxDynamicShared = 48 * 1024;
    std::vector<uint64_t> offsets;  // of the parameters in one block, as cuFuncGetParamInfo tells them
    uint64_t parameterBytes = 0;
};

constexpr int SharedPerBlock = 48 * 1024, SharedPerBlockOptIn = 227 * 1024;

Status loadModule(const void* image, std::shared_ptr<Module>& module);

struct LaunchShape {
    EmuIndex grid, block;
    uint32_t dynamicShared;

    uint64_t threads() const { return static_cast<uint64_t>(block.x) * block.y * block.z; }
};

// Checks the launch and its pointers, copies the arguments, and queues it.
Status launch(const std::shared_ptr<Function>& function, const LaunchShape& shape, const std::shared_ptr<Stream>& stream, void** arguments);

// The launch that is running on this thread, for what its threads call (Scheduler.cpp, Checks.cpp).
struct Fiber;
class Lanes;
struct RunningLaunch {
    const Function* function = nullptr;
    LaunchShape shape{};
    void** arguments = nullptr;
    const Moment* moment = nullptr;
    EmuIndex block{};
    char* dynamicShared = nullptr;
    Fiber* fiber = nullptr;  // whose turn it is
    bool shuffleReported = false;  // one finding of a kind is enough for a launch
};
RunningLaunch& running();

std::string whereAmI();  // "kernel softmax, block (0,0,0), thread (3,0,0)"
bool isStackOverflow(uint64_t address);

const EmuCalls* emulatorCalls();
void runBlocks();  // the body of a launch: all blocks of running()

// What checked kernels call at each load and store, and the bookkeeping around it.
void beginChecks();
void beginCheckedBlock(int threads);
void afterBarrier();
void afterWarpOperation(const Lanes& lanes, int lanesOfWarp);
void checkAccess(const void* address, unsigned long size, int kind);
void endChecks();  // hands what was touched to the ordering check

}  // namespace emu
