// Versions, handles, texts of errors.
#include <algorithm>

#include "Descriptors.h"

extern "C" __attribute__((visibility("default"))) size_t cudnnGetVersion() { return 90600; }
extern "C" __attribute__((visibility("default"))) size_t cudnnGetCudartVersion() { return 12060; }

extern "C" __attribute__((visibility("default"))) const char* cudnnGetErrorString(int status) {
    switch (status) {
        case DnnSuccess: return "CUDNN_STATUS_SUCCESS";
        case DnnNotInitialized: return "CUDNN_STATUS_NOT_INITIALIZED";
        case DnnBadParam: return "CUDNN_STATUS_BAD_PARAM";
        case DnnNotSupported: return "CUDNN_STATUS_NOT_SUPPORTED";
        case DnnInternalError: return "CUDNN_STATUS_INTERNAL_ERROR";
        case DnnExecutionFailed: return "CUDNN_STATUS_EXECUTION_FAILED";
        default: return "CUDNN_STATUS_UNKNOWN";
    }
}

extern "C" __attribute__((visibility("default"))) void cudnnGetLastErrorString(char* message, size_t size) {
    Lock lock;
    if (!message || size == 0) return;
    size_t length = std::min(size - 1, lastMessage().size());
    memcpy(message, lastMessage().c_str(), length);
    message[length] = 0;
}

CUDNN_API cudnnCreate(void** handle) {
    Lock lock;
    if (!handle) return DnnBadParam;
    if (enter(__func__)) return DnnNotInitialized;
    if (refuseDuringCapture(__func__)) return DnnInternalError;
    if (int status = injected(Call::Cudnn)) return status;
    *handle = newHandle(Kind::Cudnn, std::make_shared<DnnHandle>());
    return DnnSuccess;
}

CUDNN_API cudnnDestroy(void* handle) {
    Lock lock;
    if (!findHandle(handle, Kind::Cudnn, __func__)) return DnnNotInitialized;
    waitForAll();
    dropHandle(handle);
    return DnnSuccess;
}

CUDNN_API cudnnSetStream(void* handle, void* streamHandle) {
    DNN_HANDLE(dnn, handle);
    auto stream = streamOf(streamHandle, __func__);
    if (!stream) return DnnBadParam;
    dnn->stream = stream;
    return DnnSuccess;
}
