#include "Context.h"

#include <vector>

#include "Handles.h"
#include "HostMemory.h"
#include "Memory.h"
#include "Reports.h"
#include "Streams.h"

namespace emu {

namespace {

bool initialised = false;
int holders = 0;
void* primary = nullptr;
thread_local void* currentContext = nullptr;
Status sticky = Success;

// Functions live as long as their module, the pool and the context as long as the device.
bool isOwned(Kind kind) { return kind != Kind::Function && kind != Kind::MemoryPool && kind != Kind::Context && kind != Kind::GraphNode; }

const char* by(const std::string& maker) { return maker.empty() ? "" : ", made by "; }

void reportLeaks() {
    eachLiveAllocation([](Allocation& a) {
        if (!a.ofGraph) finding("leak: allocation #%lu of %lu bytes%s%s", a.id, a.size, by(a.maker), a.maker.c_str());
    });
    eachHandle([](Kind kind, const void*, const std::string& maker) {
        if (isOwned(kind)) finding("leak: %s%s%s", name(kind), by(maker), maker.c_str());
    });
    if (pinnedBlocks() > 0) finding("leak: %lu blocks of page-locked host memory", pinnedBlocks());
}

void destroyEverything() {
    dropAllQueues();
    std::vector<const void*> handles;
    eachHandle([&](Kind kind, const void* handle, const std::string&) {
        if (isOwned(kind) || kind == Kind::Function) handles.push_back(handle);
    });
    for (const void* handle : handles) dropHandle(handle);
    std::vector<uint64_t> addresses;
    eachLiveAllocation([&](Allocation& a) { addresses.push_back(a.address); });
    for (uint64_t address : addresses) release(address, "destroying the context");
    // Nothing is left that could race with what comes, so the clocks start anew.
    hostClock() = {};
    legacyStream()->clock = {};
}

}  // namespace

std::recursive_mutex& theLock() {
    static std::recursive_mutex mutex;
    return mutex;
}

Status initialise() {
    initialised = true;
    return Success;
}

bool isInitialised() { return initialised; }

void* retainPrimary() {
    if (holders++ == 0) primary = newHandle(Kind::Context, std::make_shared<int>());
    return primary;
}

Status releasePrimary() {
    if (holders == 0) {
        finding("cuDevicePrimaryCtxRelease: nobody holds the primary context");
        return InvalidContext;
    }
    if (--holders > 0) return Success;
    if (sticky == Success) {
        waitForAll();
        reportLeaks();
    }
    destroyEverything();
    dropHandle(primary);
    primary = nullptr;
    sticky = Success;
    return Success;
}

void resetPrimary() {
    destroyEverything();
    sticky = Success;
}

Status setCurrent(void* context) {
    if (context && context != primary) {
        finding("cuCtxSetCurrent: %p is not the living primary context", context);
        return InvalidContext;
    }
    currentContext = context;
    return Success;
}

void* current() { return currentContext; }

Status enter(const char* caller) {
    if (!initialised) {
        finding("%s before cuInit", caller);
        return NotInitialized;
    }
    if (!currentContext || currentContext != primary) {
        finding("%s: no living context is current on this thread; call cuCtxSetCurrent first", caller);
        return InvalidContext;
    }
    return sticky;
}

Status stickyError() { return sticky; }

void setStickyError(Status status) {
    if (sticky == Success) sticky = status;
    dropAllQueues();
}

}  // namespace emu
