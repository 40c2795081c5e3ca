// What the files of libcublas.so.12 share.
#pragma once
#include <memory>
#include <string>

#include "../Core/Capture.h"
#include "../Core/ComputeTypes.h"
#include "../Core/Context.h"
#include "../Core/Counters.h"
#include "../Core/Gemm.h"
#include "../Core/Handles.h"
#include "../Core/Memory.h"
#include "../Core/Reports.h"

using namespace emu;

#define CUBLAS_API extern "C" __attribute__((visibility("default"))) int

struct BlasHandle {
    std::shared_ptr<Stream> stream = legacyStream();
    uint64_t workspace = 0, workspaceBytes = 0;
    int mathMode = 0;
    bool scalarsOnDevice = false;
    int atomicsMode = 0;
};

#define HANDLE(name, handle)                                                     \
    Lock lock;                                                                   \
    count("calls");                                                              \
    auto name = handleTo<BlasHandle>(handle, Kind::Cublas, __func__);            \
    if (!name) return BlasNotInitialized

// The status of a call once its work was (or was not) queued.
inline int queued(Status status) { return status == Success ? BlasSuccess : BlasExecutionFailed; }

// Reads alpha or beta as the handle's pointer mode has it; false with a finding for a pointer of the other kind.
bool readScalar(const BlasHandle& handle, const void* pointer, DataType type, Scalar& scalar, const char* caller, const char* name);

// Queues work of a routine: the workspace takes part, and its content is lost.
int queueRoutine(const BlasHandle& handle, const char* caller, std::vector<Access> accesses, std::function<void()> compute);
