// What tests call: settings, reports, counters, orders to fail. Plain C, for C#'s LibraryImport.
#include "Context.h"
#include "Counters.h"
#include "Memory.h"
#include "Reports.h"
#include "Settings.h"
#include "Streams.h"

using namespace emu;

#define EXPORT extern "C" __attribute__((visibility("default")))

// 1 if the setting exists and takes the value.
EXPORT int cuemuConfigure(const char* name, uint64_t value) {
    Lock lock;
    return configure(name, value);
}

// Says who is at work; findings and leaks name it.
EXPORT void cuemuLabel(const char* text) {
    Lock lock;
    setLabel(text);
}

EXPORT int cuemuFindingCount() {
    Lock lock;
    return static_cast<int>(findings().size());
}

// The finding with its label, or null. The text lives until the next call.
EXPORT const char* cuemuFinding(int i) {
    Lock lock;
    static std::string line;
    if (i < 0 || i >= static_cast<int>(findings().size())) return nullptr;
    const Report& report = findings()[static_cast<size_t>(i)];
    line = report.label.empty() ? report.text : "[" + report.label + "] " + report.text;
    return line.c_str();
}

// The newest finding or note: the reason of the last refusal.
EXPORT const char* cuemuLastMessage() {
    Lock lock;
    static std::string line;
    line = lastMessage();
    return line.c_str();
}

EXPORT void cuemuClearReports() {
    Lock lock;
    clearReports();
}

EXPORT uint64_t cuemuCounter(const char* name) {
    Lock lock;
    return counter(name);
}

EXPORT void cuemuResetCounters() {
    Lock lock;
    resetCounters();
}

// 1 if calls of this kind can be made to fail.
EXPORT int cuemuInject(const char* kind, uint64_t n, int status, uint64_t times) {
    Lock lock;
    return inject(kind, n, status, times);
}

// Runs what is queued on all streams, without being a wait of the program: for tests of the queues themselves.
EXPORT int cuemuRunPending() {
    Lock lock;
    Clock host = hostClock();
    int status = waitForAll();
    hostClock() = host;
    return status;
}
