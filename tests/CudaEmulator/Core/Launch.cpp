// What the driver checks before a kernel runs, and the launch as a piece of work on its stream.
#include "Launch.h"

#include <sys/mman.h>

#include <cstring>

#include "Context.h"
#include "Counters.h"
#include "Faults.h"
#include "Fibers.h"
#include "Memory.h"
#include "Reports.h"
#include "Settings.h"

namespace emu {

namespace {

Status checkShape(const Function& function, const LaunchShape& shape) {
    const char* name = function.kernel->name;
    const EmuIndex &g = shape.grid, &b = shape.block;
    bool empty = !g.x || !g.y || !g.z || !b.x || !b.y || !b.z;
    bool tooLarge = g.x > 0x7fffffffu || g.y > 65535 || g.z > 65535 || b.x > 1024 || b.y > 1024 || b.z > 64 || shape.threads() > 1024;
    if (empty || tooLarge) {
        finding("kernel %s: a grid of (%u,%u,%u) blocks of (%u,%u,%u) threads cannot be launched; blocks hold 1 to 1024 threads, grids up to "
                "(2147483647,65535,65535) blocks", name, g.x, g.y, g.z, b.x, b.y, b.z);
        return InvalidValue;
    }
    if (shape.threads() > static_cast<uint64_t>(function.maxThreads)) {
        finding("kernel %s: blocks of %lu threads, but its __launch_bounds__ allow %d", name, shape.threads(), function.maxThreads);
        return LaunchOutOfResources;
    }
    if (function.module->staticShared() > SharedPerBlock) {
        finding("kernel %s: its module declares %lu bytes of shared memory, %d fit (the emulator counts all kernels of a module together)", name,
                function.module->staticShared(), SharedPerBlock);
        return InvalidValue;
    }
    if (shape.dynamicShared > static_cast<uint32_t>(function.maxDynamicShared)) {
        finding("kernel %s: %u bytes of dynamic shared memory, %d are allowed; more (up to %d) needs cuFuncSetAttribute with attribute 8", name,
                shape.dynamicShared, function.maxDynamicShared, SharedPerBlockOptIn);
        return InvalidValue;
    }
    return Success;
}

// A pointer may point one past its allocation (an empty rest), not into freed memory or the host's.
bool checkPointer(const Function& function, int parameter, uint64_t address) {
    if (address == 0) return true;  // "not wanted": if it is used all the same, the kernel faults
    const Allocation* a = allocationAt(address);
    if (!a && address > 0) a = allocationAt(address - 1);
    if (a && (a->live || a->ofGraph) && address >= a->address && address <= a->address + a->size) return true;
    finding("kernel %s: argument %d is %s", function.kernel->name, parameter, describe(address).c_str());
    return false;
}

struct Arguments {
    std::vector<char> bytes;
    std::vector<uint64_t> pointers;  // by parameter, 0 where it is none
};

Status collectArguments(const Function& function, void** values, Arguments& arguments) {
    const EmuKernel& kernel = *function.kernel;
    if (kernel.parameterCount > 0 && !values) {
        finding("kernel %s: takes %d arguments, got no list of them", kernel.name, kernel.parameterCount);
        return InvalidValue;
    }
    arguments.bytes.resize(function.parameterBytes + 16);
    for (int i = 0; i < kernel.parameterCount; i++) {
        if (!values[i]) {
            finding("kernel %s: the list of arguments holds a null for argument %d; it holds addresses of values", kernel.name, i);
            return InvalidValue;
        }
        memcpy(&arguments.bytes[function.offsets[i]], values[i], kernel.parameters[i].size);
        uint64_t pointer = 0;
        if (kernel.parameters[i].pointer) memcpy(&pointer, values[i], sizeof pointer);
        arguments.pointers.push_back(pointer);
        if (!checkPointer(function, i, pointer)) return InvalidValue;
    }
    return Success;
}

// Without checks nobody knows which bytes a kernel touches, only which pointers it got: the first byte stands for the argument.
std::vector<Access> accessesOf(const Function& function, const Arguments& arguments) {
    std::vector<Access> accesses;
    if (function.module->contents->checked) return accesses;
    for (size_t i = 0; i < arguments.pointers.size(); i++) {
        const Allocation* a = allocationAt(arguments.pointers[i]);
        if (!a || arguments.pointers[i] >= a->address + a->size) continue;
        bool write = function.kernel->parameters[i].pointer == 1;
        accesses.push_back({{arguments.pointers[i], 1, 1, 0}, write, text("argument %zu", i), false});
    }
    return accesses;
}

// Dynamic shared memory of the launched size, with a closed page behind it.
char* dynamicMemory(uint32_t bytes) {
    constexpr uint64_t Most = 228 * 1024;
    static char* memory = [] {
        auto m = static_cast<char*>(mmap(nullptr, Most + Page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
        mprotect(m + Most, Page, PROT_NONE);
        return m;
    }();
    return bytes == 0 ? nullptr : memory + Most - (bytes + 15) / 16 * 16;
}

Status run(const std::shared_ptr<Function>& function, const LaunchShape& shape, const Arguments& arguments, const Moment& moment) {
    std::vector<char> bytes = arguments.bytes;  // the kernel may change its parameters, and a graph launches it again
    std::vector<void*> values;
    for (uint64_t offset : function->offsets) values.push_back(&bytes[offset]);

    RunningLaunch& launch = running();
    launch = {};
    launch.function = function.get();
    launch.shape = shape;
    launch.arguments = values.data();
    launch.moment = &moment;
    launch.dynamicShared = dynamicMemory(shape.dynamicShared);
    EmuState& state = *function->module->contents->state;
    state.calls = emulatorCalls();
    state.blockSize = shape.block;
    state.gridSize = shape.grid;
    state.dynamicShared = launch.dynamicShared;

    bool checked = function->module->contents->checked;
    if (checked) beginChecks();
    Fault fault = runGuarded(runBlocks);
    if (fault.status) finding("%s: %s", whereAmI().c_str(), fault.text.c_str());
    if (checked) endChecks();
    count("launches");
    count(std::string("launches:") + function->kernel->name);
    running().function = nullptr;
    return fault.status;
}

}  // namespace

RunningLaunch& running() {
    static RunningLaunch launch;
    return launch;
}

std::string whereAmI() {
    const RunningLaunch& l = running();
    const EmuIndex thread = l.fiber ? l.fiber->index.thread : EmuIndex{0, 0, 0};
    return text("kernel %s, block (%u,%u,%u), thread (%u,%u,%u)", l.function->kernel->name, l.block.x, l.block.y, l.block.z, thread.x, thread.y, thread.z);
}

bool isStackOverflow(uint64_t address) { return running().fiber && running().fiber->belowStack(address); }

Status launch(const std::shared_ptr<Function>& function, const LaunchShape& shape, const std::shared_ptr<Stream>& stream, void** values) {
    if (Status status = checkShape(*function, shape)) return status;
    if (settings().idle && !stream->capture) {
        count("launches");
        return Success;
    }
    Arguments arguments;
    if (Status status = collectArguments(*function, values, arguments)) return status;
    if (int status = injected(Call::Launch)) return static_cast<Status>(status);
    Work work;
    work.what = text("kernel %s", function->kernel->name);
    work.kind = WorkKind::Kernel;
    work.identity = function->kernel;
    work.accesses = accessesOf(*function, arguments);
    work.run = [=](const Moment& moment) { return run(function, shape, arguments, moment); };
    return enqueue(stream, std::move(work));
}

}  // namespace emu
