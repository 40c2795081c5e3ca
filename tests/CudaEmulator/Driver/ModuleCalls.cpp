// cuModule..., cuFunc..., cuLaunchKernel and occupancy.
#include <algorithm>

#include "../Core/Launch.h"
#include "Driver.h"

#define FUNCTION(name, handle)                                              \
    auto name = handleTo<Function>(handle, Kind::Function, __func__);       \
    if (!name) return InvalidHandle

DRIVER_API cuModuleLoadData(void** handle, const void* image) {
    ENTER;
    REFUSE_NULL(handle);
    if (Status status = refuseDuringCapture(__func__)) return status;
    std::shared_ptr<Module> module;
    if (Status status = loadModule(image, module)) return status;
    *handle = newHandle(Kind::Module, module);
    return Success;
}

// Waits for what still runs: a kernel must not lose its code.
DRIVER_API cuModuleUnload(void* handle) {
    ENTER;
    auto module = handleTo<Module>(handle, Kind::Module, __func__);
    if (!module) return InvalidHandle;
    if (Status status = waitForAll()) return status;
    dropHandle(handle);
    return Success;
}

DRIVER_API cuModuleGetFunction(void** function, void* handle, const char* name) {
    ENTER;
    REFUSE_NULL(function);
    REFUSE_NULL(name);
    auto module = handleTo<Module>(handle, Kind::Module, __func__);
    if (!module) return InvalidHandle;
    auto found = module->handles.find(name);
    if (found == module->handles.end()) {
        note("cuModuleGetFunction: the module has no kernel '%s'", name);
        return NotFound;
    }
    *function = found->second;
    return Success;
}

namespace {

enum FunctionAttribute { MaxThreads = 0, StaticShared = 1, Registers = 4, PtxVersion = 5, BinaryVersion = 6, MaxDynamicShared = 8, Carveout = 9 };

}  // namespace

DRIVER_API cuFuncSetAttribute(void* handle, int attribute, int value) {
    ENTER;
    FUNCTION(function, handle);
    if (attribute == Carveout) return value >= -1 && value <= 100 ? Success : InvalidValue;
    if (attribute != MaxDynamicShared) {
        finding("cuFuncSetAttribute: attribute %d cannot be set", attribute);
        return InvalidValue;
    }
    int most = SharedPerBlockOptIn - static_cast<int>(function->module->staticShared());
    if (value < 0 || value > most) {
        finding("cuFuncSetAttribute: %d bytes of dynamic shared memory for kernel %s; up to %d fit", value, function->kernel->name, most);
        return InvalidValue;
    }
    function->maxDynamicShared = value;
    return Success;
}

DRIVER_API cuFuncGetAttribute(int* value, int attribute, void* handle) {
    ENTER;
    REFUSE_NULL(value);
    FUNCTION(function, handle);
    switch (attribute) {
        case MaxThreads: *value = function->maxThreads; break;
        case StaticShared: *value = static_cast<int>(function->module->staticShared()); break;
        case MaxDynamicShared: *value = function->maxDynamicShared; break;
        case Registers: *value = 32; break;
        case PtxVersion: case BinaryVersion: *value = static_cast<int>(settings().computeCapability); break;
        case 2: case 3: case 7: case Carveout: *value = 0; break;
        default: return InvalidValue;
    }
    return Success;
}

// The place and size of a parameter; InvalidValue beyond the last, which is how a caller counts them.
DRIVER_API cuFuncGetParamInfo(void* handle, size_t index, size_t* offset, size_t* size) {
    ENTER;
    REFUSE_NULL(offset);
    FUNCTION(function, handle);
    if (index >= function->offsets.size()) return InvalidValue;
    *offset = function->offsets[index];
    if (size) *size = function->kernel->parameters[index].size;
    return Success;
}

DRIVER_API cuLaunchKernel(void* handle, unsigned gridX, unsigned gridY, unsigned gridZ, unsigned blockX, unsigned blockY, unsigned blockZ,
                          unsigned sharedBytes, void* streamHandle, void** arguments, void** extra) {
    ENTER;
    FUNCTION(function, handle);
    STREAM(stream, streamHandle);
    if (extra) {
        finding("cuLaunchKernel: the emulator takes arguments by kernelParams, not by extra");
        return InvalidValue;
    }
    return launch(function, {{gridX, gridY, gridZ}, {blockX, blockY, blockZ}, sharedBytes}, stream, arguments);
}

// A programmatic launch only allows a kernel to begin before the one ahead of it has ended: here it never does.
DRIVER_API cuLaunchKernelEx(const void* configuration, void* handle, void** arguments, void** extra) {
    struct Attribute {
        int32_t id, padding, value;
        char rest[60];
    };
    struct Configuration {
        unsigned gridX, gridY, gridZ, blockX, blockY, blockZ, sharedBytes;
        void* stream;
        const Attribute* attributes;
        unsigned attributeCount;
    };
    constexpr int ProgrammaticStreamSerialization = 6;
    static_assert(sizeof(Attribute) == 72 && sizeof(Configuration) == 56, "as in cuda.h");
    ENTER;
    REFUSE_NULL(configuration);
    const Configuration& c = *static_cast<const Configuration*>(configuration);
    FUNCTION(function, handle);
    STREAM(stream, c.stream);
    if (extra) {
        finding("cuLaunchKernelEx: the emulator takes arguments by kernelParams, not by extra");
        return InvalidValue;
    }
    for (unsigned i = 0; i < c.attributeCount; i++) {
        if (c.attributes[i].id != ProgrammaticStreamSerialization) {
            finding("cuLaunchKernelEx: the emulator does not know attribute %d", c.attributes[i].id);
            return InvalidValue;
        }
    }
    return launch(function, {{c.gridX, c.gridY, c.gridZ}, {c.blockX, c.blockY, c.blockZ}, c.sharedBytes}, stream, arguments);
}

DRIVER_API cuLaunchCooperativeKernel(void* handle, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, unsigned, void*, void**) {
    ENTER;
    FUNCTION(function, handle);
    note("cuLaunchCooperativeKernel: blocks run one after another here, so they cannot wait for each other");
    return NotSupported;
}

// As many blocks as threads and shared memory of an H100's multiprocessor allow; registers are not known here.
DRIVER_API cuOccupancyMaxActiveBlocksPerMultiprocessor(int* blocks, void* handle, int blockSize, size_t dynamicShared) {
    ENTER;
    REFUSE_NULL(blocks);
    FUNCTION(function, handle);
    if (blockSize < 1 || blockSize > 1024) return InvalidValue;
    constexpr size_t SharedPerMultiprocessor = 228 * 1024, ReservedPerBlock = 1024;
    constexpr int ThreadsPerMultiprocessor = 2048, BlocksPerMultiprocessor = 32;
    size_t shared = dynamicShared + function->module->staticShared() + ReservedPerBlock;
    int byThreads = ThreadsPerMultiprocessor / ((blockSize + 31) / 32 * 32), byShared = static_cast<int>(SharedPerMultiprocessor / shared);
    *blocks = std::min({byThreads, byShared, BlocksPerMultiprocessor});
    return Success;
}
