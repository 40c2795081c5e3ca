// The one emulated device's primary context: who holds it, which thread has it current, and the error that sticks to it.
#pragma once
#include <mutex>

#include "Status.h"

namespace emu {

// One lock for the whole emulator: calls of several threads run one after another, as they may on real drivers.
std::recursive_mutex& theLock();
struct Lock {
    Lock() { theLock().lock(); }
    ~Lock() { theLock().unlock(); }
    Lock(const Lock&) = delete;
    Lock& operator=(const Lock&) = delete;
};

Status initialise();
bool isInitialised();

void* retainPrimary();
// At the last release: what still lives is reported as leaked, then destroyed.
Status releasePrimary();
// Destroys everything and clears the sticky error; the context stays retained.
void resetPrimary();

Status setCurrent(void* context);
void* current();

// To be asked first by every call that needs a context: NotInitialized, InvalidContext, the sticky error, or Success.
Status enter(const char* caller);

// A fault of a kernel is asynchronous and sticky: the calls after it answer it until the context is reset.
Status stickyError();
void setStickyError(Status status);

}  // namespace emu
