// cuMem..., cuMemcpy..., cuMemset..., cuMemPool..., cuPointerGetAttribute.
#include <cstring>

#include "../Core/Copies.h"
#include "../Core/HostMemory.h"
#include "Driver.h"

namespace {

Status newAllocation(uint64_t* address, size_t bytes, const char* caller, Allocation** made = nullptr) {
    if (!address) return refuseNull(caller, "the pointer's place");
    if (bytes == 0) {
        finding("%s: 0 bytes", caller);
        return InvalidValue;
    }
    if (int status = injected(Call::Allocation)) return static_cast<Status>(status);
    Allocation* a = allocate(bytes);
    if (!a) return OutOfMemory;
    *address = a->address;
    if (made) *made = a;
    return Success;
}

Place device(uint64_t address, uint64_t pitch = 0) { return {address, true, pitch}; }
Place host(const void* address, uint64_t pitch = 0) { return {reinterpret_cast<uint64_t>(address), false, pitch}; }

}  // namespace

DRIVER_API cuMemGetInfo_v2(size_t* free, size_t* total) {
    ENTER;
    REFUSE_NULL(free);
    REFUSE_NULL(total);
    *total = settings().memory;
    *free = settings().memory - counter("bytes_live");
    return Success;
}

DRIVER_API cuMemAlloc_v2(uint64_t* address, size_t bytes) {
    ENTER;
    if (Status status = refuseDuringCapture(__func__)) return status;
    return newAllocation(address, bytes, __func__);
}

// Waits for the whole device, as real drivers do.
DRIVER_API cuMemFree_v2(uint64_t address) {
    ENTER;
    if (address == 0) return Success;
    if (Status status = refuseDuringCapture(__func__)) return status;
    if (Status status = waitForAll()) return status;
    return release(address, __func__);
}

// ---- stream-ordered memory ----

DRIVER_API cuMemAllocAsync(uint64_t* address, size_t bytes, void* streamHandle) {
    ENTER;
    STREAM(stream, streamHandle);
    Allocation* a;
    if (Status status = newAllocation(address, bytes, __func__, &a)) return status;
    Work work{"cuMemAllocAsync", WorkKind::Allocate, {}, nullptr, nullptr};
    if (stream->capture) {
        a->ofGraph = true;
        closePages(*a);
        stream->capture->graph->ownedMemory.push_back(*address);
        work.run = [a](const Moment&) { return openPages(*a) ? Success : OutOfMemory; };
    } else {
        a->pooled = true;
        setCounter("pool_used", counter("pool_used") + bytes);
        // Other streams may use the memory once an event orders them behind this: the allocation counts as a first write.
        work.accesses = {{{*address, bytes, 1, 0}, true, "the allocation", false}};
    }
    return enqueue(stream, std::move(work));
}

DRIVER_API cuMemFreeAsync(uint64_t address, void* streamHandle) {
    ENTER;
    STREAM(stream, streamHandle);
    Allocation* a = allocationAt(address);
    if (!a || a->address != address || !(a->live || a->ofGraph)) {
        finding("cuMemFreeAsync: %s is not the start of a living allocation", describe(address).c_str());
        return InvalidValue;
    }
    Work work{"cuMemFreeAsync", WorkKind::Free, {{{address, a->size, 1, 0}, true, "the freed memory", false}}, nullptr, nullptr};
    if (stream->capture) {
        if (!a->ofGraph) {
            finding("cuMemFreeAsync in a capture: %s was not allocated in it", describe(address).c_str());
            return InvalidValue;
        }
        work.run = [a](const Moment&) {
            closePages(*a);
            return Success;
        };
    } else {
        work.run = [address](const Moment&) { return release(address, "cuMemFreeAsync"); };
    }
    return enqueue(stream, std::move(work));
}

// ---- host memory ----

DRIVER_API cuMemHostAlloc(void** address, size_t bytes, unsigned) {
    ENTER;
    REFUSE_NULL(address);
    if (Status status = refuseDuringCapture(__func__)) return status;
    if (bytes == 0) return InvalidValue;
    if (int status = injected(Call::Allocation)) return status;
    *address = allocateHost(bytes);
    return *address ? Success : OutOfMemory;
}

// Waits for the device, since a copy may still read the memory.
DRIVER_API cuMemFreeHost(void* address) {
    ENTER;
    if (Status status = refuseDuringCapture(__func__)) return status;
    if (Status status = waitForAll()) return status;
    return freeHost(address);
}

DRIVER_API cuMemHostRegister_v2(void* address, size_t bytes, unsigned) {
    ENTER;
    return registerHost(address, bytes);
}

DRIVER_API cuMemHostUnregister(void* address) {
    ENTER;
    return unregisterHost(address);
}

// ---- copies ----

DRIVER_API cuMemcpyHtoD_v2(uint64_t to, const void* from, size_t bytes) {
    ENTER;
    return copy(legacyStream(), device(to), host(from), bytes, 1, true, __func__);
}

DRIVER_API cuMemcpyDtoH_v2(void* to, uint64_t from, size_t bytes) {
    ENTER;
    return copy(legacyStream(), host(to), device(from), bytes, 1, true, __func__);
}

// From device to device, the call does not wait for the copy.
DRIVER_API cuMemcpyDtoD_v2(uint64_t to, uint64_t from, size_t bytes) {
    ENTER;
    return copy(legacyStream(), device(to), device(from), bytes, 1, false, __func__);
}

DRIVER_API cuMemcpyHtoDAsync_v2(uint64_t to, const void* from, size_t bytes, void* streamHandle) {
    ENTER;
    STREAM(stream, streamHandle);
    return copy(stream, device(to), host(from), bytes, 1, false, __func__);
}

DRIVER_API cuMemcpyDtoHAsync_v2(void* to, uint64_t from, size_t bytes, void* streamHandle) {
    ENTER;
    STREAM(stream, streamHandle);
    return copy(stream, host(to), device(from), bytes, 1, false, __func__);
}

DRIVER_API cuMemcpyDtoDAsync_v2(uint64_t to, uint64_t from, size_t bytes, void* streamHandle) {
    ENTER;
    STREAM(stream, streamHandle);
    return copy(stream, device(to), device(from), bytes, 1, false, __func__);
}

// CUDA_MEMCPY2D: 128 bytes.
struct Copy2D {
    size_t sourceX, sourceY;
    unsigned sourceType;
    const void* sourceHost;
    uint64_t sourceDevice;
    void* sourceArray;
    size_t sourcePitch;
    size_t targetX, targetY;
    unsigned targetType;
    void* targetHost;
    uint64_t targetDevice;
    void* targetArray;
    size_t targetPitch;
    size_t width, height;
};
static_assert(sizeof(Copy2D) == 128, "as CUDA_MEMCPY2D");

DRIVER_API cuMemcpy2DAsync_v2(const Copy2D* c, void* streamHandle) {
    ENTER;
    REFUSE_NULL(c);
    STREAM(stream, streamHandle);
    constexpr unsigned HostType = 1, DeviceType = 2;
    bool known = (c->sourceType == HostType || c->sourceType == DeviceType) && (c->targetType == HostType || c->targetType == DeviceType);
    if (!known || (c->sourceType == HostType && c->targetType == HostType)) {
        finding("cuMemcpy2DAsync: memory types %u and %u; the emulator copies between device (2) and host (1) or device memory", c->sourceType, c->targetType);
        return InvalidValue;
    }
    Place from = c->sourceType == HostType ? host(c->sourceHost, c->sourcePitch) : device(c->sourceDevice, c->sourcePitch);
    Place to = c->targetType == HostType ? host(c->targetHost, c->targetPitch) : device(c->targetDevice, c->targetPitch);
    from.address += c->sourceY * c->sourcePitch + c->sourceX;
    to.address += c->targetY * c->targetPitch + c->targetX;
    return copy(stream, to, from, c->width, c->height, false, __func__);
}

DRIVER_API cuMemsetD8Async(uint64_t address, unsigned char value, size_t n, void* streamHandle) {
    ENTER;
    STREAM(stream, streamHandle);
    return fill(stream, address, value, 1, n, __func__);
}

DRIVER_API cuMemsetD16Async(uint64_t address, unsigned short value, size_t n, void* streamHandle) {
    ENTER;
    STREAM(stream, streamHandle);
    return fill(stream, address, value, 2, n, __func__);
}

DRIVER_API cuMemsetD32Async(uint64_t address, unsigned value, size_t n, void* streamHandle) {
    ENTER;
    STREAM(stream, streamHandle);
    return fill(stream, address, value, 4, n, __func__);
}

// ---- the pool ----

namespace {

enum PoolAttribute { ReleaseThreshold = 4, ReservedCurrent = 5, ReservedHigh = 6, UsedCurrent = 7, UsedHigh = 8 };

void* defaultPool() {
    static void* pool = newHandle(Kind::MemoryPool, std::make_shared<int>());
    return pool;
}

}  // namespace

DRIVER_API cuDeviceGetDefaultMemPool(void** pool, int device) {
    Lock lock;
    REFUSE_NULL(pool);
    if (device != 0) return InvalidDevice;
    *pool = defaultPool();
    return Success;
}

DRIVER_API cuMemPoolSetAttribute(void* pool, int attribute, const void* value) {
    ENTER;
    REFUSE_NULL(value);
    if (!findHandle(pool, Kind::MemoryPool, __func__)) return InvalidValue;
    if (attribute < 1 || attribute > ReleaseThreshold) return InvalidValue;
    uint64_t threshold;
    memcpy(&threshold, value, sizeof threshold);
    if (attribute == ReleaseThreshold) setCounter("pool_release_threshold", threshold);
    return Success;
}

DRIVER_API cuMemPoolGetAttribute(void* pool, int attribute, void* value) {
    ENTER;
    REFUSE_NULL(value);
    if (!findHandle(pool, Kind::MemoryPool, __func__)) return InvalidValue;
    uint64_t answer;
    switch (attribute) {
        case ReleaseThreshold: answer = counter("pool_release_threshold"); break;
        case ReservedCurrent: case ReservedHigh: case UsedCurrent: case UsedHigh: answer = counter("pool_used"); break;
        default: return InvalidValue;
    }
    memcpy(value, &answer, sizeof answer);
    return Success;
}

DRIVER_API cuMemPoolTrimTo(void* pool, size_t) {
    ENTER;
    if (!findHandle(pool, Kind::MemoryPool, __func__)) return InvalidValue;
    count("pool_trims");
    return Success;
}

DRIVER_API cuPointerGetAttribute(void* value, int attribute, uint64_t address) {
    ENTER;
    REFUSE_NULL(value);
    enum { Context = 1, MemoryType = 2, DevicePointer = 3, BufferId = 7, DeviceOrdinal = 9, RangeStart = 11, RangeSize = 12 };
    const Allocation* a = allocationAt(address);
    bool isDevice = a && a->live && a->holds(address, 1);
    if (!isDevice && !isPinned(reinterpret_cast<void*>(address), 1)) {
        note("cuPointerGetAttribute: %s is not memory that CUDA knows", describe(address).c_str());
        return InvalidValue;
    }
    auto answer = [&](auto v) {
        memcpy(value, &v, sizeof v);
        return Success;
    };
    if (attribute == MemoryType) return answer(isDevice ? 2 : 1);
    if (attribute == DeviceOrdinal) return answer(0);
    if (attribute == Context) return answer(current());
    if (isDevice && attribute == DevicePointer) return answer(address);
    if (isDevice && attribute == BufferId) return answer(a->id);
    if (isDevice && attribute == RangeStart) return answer(a->address);
    if (isDevice && attribute == RangeSize) return answer(static_cast<size_t>(a->size));
    return InvalidValue;
}
