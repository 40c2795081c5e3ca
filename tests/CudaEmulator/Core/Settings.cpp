#include "Settings.h"

#include <cstdlib>

namespace emu {

namespace {

const char* const Names[] = {"checked", "tight",  "progress", "thread_order",       "seed",
                             "memory",  "watchdog_seconds", "compute_capability", "lt_quirk", "verbose", "idle"};

bool assign(Settings& s, const std::string& name, uint64_t value) {
    if (name == "checked") s.checked = value != 0;
    else if (name == "tight") s.tight = value != 0;
    else if (name == "progress" && value <= 2) s.progress = static_cast<Progress>(value);
    else if (name == "thread_order" && value <= 2) s.threadOrder = static_cast<ThreadOrder>(value);
    else if (name == "seed") s.seed = value;
    else if (name == "memory") s.memory = value;
    else if (name == "watchdog_seconds") s.watchdogSeconds = value;
    else if (name == "compute_capability") s.computeCapability = value;
    else if (name == "lt_quirk" && value <= 3) s.ltQuirk = static_cast<LtQuirk>(value);
    else if (name == "verbose") s.verbose = value != 0;
    else if (name == "idle") s.idle = value != 0;
    else return false;
    return true;
}

Settings fromEnvironment() {
    Settings s;
    for (const char* name : Names) {
        std::string variable = "CUEMU_";
        for (const char* c = name; *c; c++) variable += static_cast<char>(*c >= 'a' && *c <= 'z' ? *c - 32 : *c);
        if (const char* value = std::getenv(variable.c_str())) assign(s, name, std::strtoull(value, nullptr, 10));
    }
    return s;
}

}  // namespace

Settings& settings() {
    static Settings current = fromEnvironment();
    return current;
}

std::mt19937_64& randomness() {
    static std::mt19937_64 generator(settings().seed);
    return generator;
}

bool configure(const std::string& name, uint64_t value) {
    if (!assign(settings(), name, value)) return false;
    if (name == "seed") randomness().seed(value);
    return true;
}

}  // namespace emu
