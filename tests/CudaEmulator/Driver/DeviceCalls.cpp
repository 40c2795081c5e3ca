// cuInit, cuDevice..., cuCtx... and the texts of errors. The device describes itself as an H100 would, but for its name.
#include <cstdio>
#include <map>

#include "../Core/Launch.h"
#include "Driver.h"

namespace {

constexpr int DriverVersion = 12060;

Status checkDevice(const char* caller, int device) {
    if (!isInitialised()) {
        finding("%s before cuInit", caller);
        return NotInitialized;
    }
    if (device == 0) return Success;
    finding("%s: there is one device, 0; got %d", caller, device);
    return InvalidDevice;
}

// Attribute numbers of CUdevice_attribute.
const std::map<int, int>& attributes() {
    static const std::map<int, int> all = {
        {1, 1024},             // threads a block
        {2, 1024}, {3, 1024}, {4, 64},           // block size
        {5, 0x7fffffff}, {6, 65535}, {7, 65535},  // grid size
        {8, SharedPerBlock},
        {9, 65536},    // constant memory
        {10, 32},      // warp
        {11, 0x7fffffff},  // pitch
        {12, 65536},   // registers a block
        {13, 1980000}, // clock, kHz
        {14, 512},     // texture alignment
        {16, 132},     // multiprocessors
        {18, 0},       // integrated
        {19, 1}, {31, 1}, {32, 1},
        {33, 0}, {34, 0}, {50, 0},
        {36, 2619000},   // memory clock, kHz
        {37, 5120},      // bus width, bits
        {38, 52428800},  // L2
        {39, 2048}, {40, 3}, {41, 1},
        {78, 1},
        {81, 233472}, {82, 65536},
        {88, 0}, {89, 1},
        {95, 0}, {96, 0},  // cooperative launches: refused
        {97, SharedPerBlockOptIn},
        {99, 1}, {100, 0}, {106, 32},
        {108, 0}, {109, 0},
        {111, 1024},
        {115, 1},  // memory pools
        {129, 1},
    };
    return all;
}

}  // namespace

DRIVER_API cuInit(unsigned flags) {
    Lock lock;
    if (flags == 0) return initialise();
    finding("cuInit: flags must be 0, got %u", flags);
    return InvalidValue;
}

DRIVER_API cuDriverGetVersion(int* version) {
    REFUSE_NULL(version);
    *version = DriverVersion;
    return Success;
}

DRIVER_API cuDeviceGetCount(int* n) {
    Lock lock;
    REFUSE_NULL(n);
    if (Status status = checkDevice(__func__, 0)) return status;
    *n = 1;
    return Success;
}

DRIVER_API cuDeviceGet(int* device, int ordinal) {
    Lock lock;
    REFUSE_NULL(device);
    if (Status status = checkDevice(__func__, ordinal)) return status;
    *device = 0;
    return Success;
}

DRIVER_API cuDeviceGetName(char* name, int length, int device) {
    Lock lock;
    REFUSE_NULL(name);
    if (Status status = checkDevice(__func__, device)) return status;
    snprintf(name, static_cast<size_t>(length), "CUDA emulator (no GPU)");
    return Success;
}

DRIVER_API cuDeviceTotalMem_v2(size_t* bytes, int device) {
    Lock lock;
    REFUSE_NULL(bytes);
    if (Status status = checkDevice(__func__, device)) return status;
    *bytes = settings().memory;
    return Success;
}

DRIVER_API cuDeviceGetAttribute(int* value, int attribute, int device) {
    Lock lock;
    REFUSE_NULL(value);
    if (Status status = checkDevice(__func__, device)) return status;
    constexpr int Major = 75, Minor = 76;
    int capability = static_cast<int>(settings().computeCapability);
    auto found = attributes().find(attribute);
    if (attribute == Major) *value = capability / 10;
    else if (attribute == Minor) *value = capability % 10;
    else if (found != attributes().end()) *value = found->second;
    else {
        note("cuDeviceGetAttribute: attribute %d is not in the emulator's table", attribute);
        return InvalidValue;
    }
    return Success;
}

DRIVER_API cuDevicePrimaryCtxRetain(void** context, int device) {
    Lock lock;
    REFUSE_NULL(context);
    if (Status status = checkDevice(__func__, device)) return status;
    *context = retainPrimary();
    return Success;
}

DRIVER_API cuDevicePrimaryCtxRelease_v2(int device) {
    Lock lock;
    if (Status status = checkDevice(__func__, device)) return status;
    return releasePrimary();
}

DRIVER_API cuDevicePrimaryCtxReset_v2(int device) {
    Lock lock;
    if (Status status = checkDevice(__func__, device)) return status;
    resetPrimary();
    return Success;
}

DRIVER_API cuCtxSetCurrent(void* context) {
    Lock lock;
    return isInitialised() ? setCurrent(context) : NotInitialized;
}

DRIVER_API cuCtxGetCurrent(void** context) {
    Lock lock;
    REFUSE_NULL(context);
    if (!isInitialised()) return NotInitialized;
    *context = current();
    return Success;
}

DRIVER_API cuCtxGetDevice(int* device) {
    ENTER;
    REFUSE_NULL(device);
    *device = 0;
    return Success;
}

DRIVER_API cuCtxSynchronize() {
    ENTER;
    if (Status status = refuseDuringCapture(__func__)) return status;
    count("synchronisations");
    return waitForAll();
}
