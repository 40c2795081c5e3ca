// How a fault inside a kernel becomes an error of the launch instead of the end of the process.
#pragma once
#include <string>

#include "Status.h"

namespace emu {

struct Fault {
    Status status = Success;
    std::string text;
};

// Runs `body`; a fault raised by it, by raiseFault or by the processor, ends it and is returned. Signals of other threads, and of
// addresses that are none of ours outside a launch, go to the handlers that were there before (.NET turns them into exceptions).
Fault runGuarded(void (*body)());

[[noreturn]] void raiseFault(Status status, const std::string& text);

}  // namespace emu
