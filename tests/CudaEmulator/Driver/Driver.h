// What the files of libcuda.so.1 share. Parameters are those of the driver's documentation; handles are opaque pointers.
#pragma once
#include <cstdint>

#include "../Core/Capture.h"
#include "../Core/Context.h"
#include "../Core/Counters.h"
#include "../Core/Handles.h"
#include "../Core/Memory.h"
#include "../Core/Reports.h"
#include "../Core/Settings.h"
#include "../Core/Streams.h"

using namespace emu;

#define DRIVER_API extern "C" __attribute__((visibility("default"))) int

// The first line of every call that needs a context.
#define ENTER                                     \
    Lock lock;                                    \
    emu::count("calls");                          \
    if (Status status = enter(__func__)) return status
#define REFUSE_NULL(pointer) \
    if (!(pointer)) return refuseNull(__func__, #pointer)
#define STREAM(name, handle)                      \
    auto name = streamOf(handle, __func__);       \
    if (!name) return InvalidHandle
#define EVENT(name, handle)                                           \
    auto name = handleTo<Event>(handle, Kind::Event, __func__);       \
    if (!name) return InvalidHandle

inline Status refuseNull(const char* caller, const char* argument) {
    finding("%s: %s is null", caller, argument);
    return InvalidValue;
}
