// Handles, their state, and names of statuses.

#include "Handle.h"

bool readScalar(const BlasHandle& handle, const void* pointer, DataType type, Scalar& scalar, const char* caller, const char* name) {
    auto address = reinterpret_cast<uint64_t>(pointer);
    scalar.type = type;
    if (handle.scalarsOnDevice) {
        scalar.address = address;
        return checkRange(address, sizeOf(type), text("%s, %s in device pointer mode", caller, name).c_str());
    }
    if (!pointer || isDeviceRegion(address)) {
        finding("%s: %s is %s; in host pointer mode it lies in host memory", caller, name, describe(address).c_str());
        return false;
    }
    scalar.value = loadElement(address, type, 0);
    return true;
}

int queueRoutine(const BlasHandle& handle, const char* caller, std::vector<Access> accesses, std::function<void()> compute) {
    if (int status = injected(Call::Cublas)) return status;
    if (handle.stream->capture && !handle.workspace)
        finding("%s in a capture without a workspace of its own (cublasSetWorkspace, after cublasSetStream): a real library would allocate in the graph", caller);
    uint64_t workspace = handle.workspace, bytes = handle.workspaceBytes;
    if (workspace) accesses.push_back({{workspace, bytes, 1, 0}, true, "the workspace", false});
    Work work{caller, WorkKind::Library, std::move(accesses), nullptr, nullptr};
    work.run = [=](const Moment&) {
        compute();
        if (workspace) poison(workspace, bytes);  // what it held is lost
        return Success;
    };
    count("cublas_calls");
    return queued(enqueue(handle.stream, std::move(work)));
}

CUBLAS_API cublasCreate_v2(void** handle) {
    Lock lock;
    if (!handle) return BlasInvalidValue;
    if (enter(__func__)) return BlasNotInitialized;
    if (refuseDuringCapture(__func__)) return BlasInternalError;
    if (int status = injected(Call::Cublas)) return status;
    *handle = newHandle(Kind::Cublas, std::make_shared<BlasHandle>());
    return BlasSuccess;
}

CUBLAS_API cublasDestroy_v2(void* handle) {
    HANDLE(blas, handle);
    waitForAll();
    dropHandle(handle);
    return BlasSuccess;
}

CUBLAS_API cublasGetVersion_v2(void*, int* version) {
    if (!version) return BlasInvalidValue;
    *version = 120600;
    return BlasSuccess;
}

CUBLAS_API cublasSetStream_v2(void* handle, void* streamHandle) {
    HANDLE(blas, handle);
    auto stream = streamOf(streamHandle, __func__);
    if (!stream) return BlasInvalidValue;
    blas->stream = stream;
    blas->workspace = blas->workspaceBytes = 0;  // as documented: the workspace is the library's own again
    return BlasSuccess;
}

CUBLAS_API cublasGetStream_v2(void* handle, void** streamHandle) {
    HANDLE(blas, handle);
    if (!streamHandle) return BlasInvalidValue;
    *streamHandle = nullptr;
    eachHandle([&](Kind kind, const void* h, const std::string&) {
        if (kind == Kind::Stream && findHandle(h, kind, __func__) == blas->stream) *streamHandle = const_cast<void*>(h);
    });
    return BlasSuccess;
}

CUBLAS_API cublasSetWorkspace_v2(void* handle, void* workspace, size_t bytes) {
    HANDLE(blas, handle);
    auto address = reinterpret_cast<uint64_t>(workspace);
    if (address % 256 != 0) {
        finding("cublasSetWorkspace: %s is not aligned to 256 bytes", describe(address).c_str());
        return BlasInvalidValue;
    }
    if (bytes > 0 && !checkRange(address, bytes, __func__)) return BlasInvalidValue;
    blas->workspace = bytes > 0 ? address : 0;
    blas->workspaceBytes = bytes;
    return BlasSuccess;
}

CUBLAS_API cublasSetMathMode(void* handle, int mode) {
    HANDLE(blas, handle);
    constexpr int Modes = 15, DisallowReducedPrecisionReduction = 16;
    if (mode < 0 || (mode & ~(Modes | DisallowReducedPrecisionReduction)) || (mode & Modes) > 3) {
        finding("cublasSetMathMode: %d is no math mode", mode);
        return BlasInvalidValue;
    }
    blas->mathMode = mode;
    return BlasSuccess;
}

CUBLAS_API cublasGetMathMode(void* handle, int* mode) {
    HANDLE(blas, handle);
    if (!mode) return BlasInvalidValue;
    *mode = blas->mathMode;
    return BlasSuccess;
}

CUBLAS_API cublasSetPointerMode_v2(void* handle, int mode) {
    HANDLE(blas, handle);
    if (mode != 0 && mode != 1) return BlasInvalidValue;
    blas->scalarsOnDevice = mode == 1;
    return BlasSuccess;
}

CUBLAS_API cublasGetPointerMode_v2(void* handle, int* mode) {
    HANDLE(blas, handle);
    if (!mode) return BlasInvalidValue;
    *mode = blas->scalarsOnDevice;
    return BlasSuccess;
}

CUBLAS_API cublasSetAtomicsMode(void* handle, int mode) {
    HANDLE(blas, handle);
    if (mode != 0 && mode != 1) return BlasInvalidValue;
    blas->atomicsMode = mode;
    return BlasSuccess;
}

CUBLAS_API cublasGetAtomicsMode(void* handle, int* mode) {
    HANDLE(blas, handle);
    if (!mode) return BlasInvalidValue;
    *mode = blas->atomicsMode;
    return BlasSuccess;
}

extern "C" __attribute__((visibility("default"))) const char* cublasGetStatusName(int status) { return blasStatusName(status); }
extern "C" __attribute__((visibility("default"))) const char* cublasGetStatusString(int status) { return blasStatusText(status); }
