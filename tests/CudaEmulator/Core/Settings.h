// How the emulated device behaves: what is checked, in which order things run, what memory it has. Tests set it by cuemuConfigure,
// programs by variables CUEMU_CHECKED=1 and so on.
#pragma once
#include <cstdint>
#include <random>
#include <string>

namespace emu {

// When queued work runs. Real devices promise none of these, so correct programs give the same results under all.
enum class Progress {
    Late = 0,    // only when something waits for it
    AtOnce = 1,  // as soon as it is queued
    Random = 2,  // some of it, at each call, by seed
};

// In which order the threads of a block take their turns.
enum class ThreadOrder { Forward = 0, Backward = 1, Shuffled = 2 };

// What documents leave open of cuBLASLt: programs must get by with all of it.
enum class LtQuirk {
    None = 0,
    ReluDropsNan = 1,  // as cuDNN's does
    CoarseGelu = 2,    // with the digits of a fast tanh
    TakesNothing = 3,  // no algorithm for any problem
};

struct Settings {
    bool checked = false;                         // compile kernels so that every load and store is checked
    bool tight = false;                           // allocations end at a page's end (16-byte steps), else 256-byte aligned
    Progress progress = Progress::Late;
    ThreadOrder threadOrder = ThreadOrder::Forward;
    uint64_t seed = 1;
    uint64_t memory = 16ull << 30;                // what cuDeviceTotalMem answers
    uint64_t watchdogSeconds = 20;                // processor time after which a launch is ended with 702
    uint64_t computeCapability = 90;              // 90 is sm_90
    LtQuirk ltQuirk = LtQuirk::None;
    bool verbose = false;                         // print reports to stderr as they are made
    bool idle = false;                            // an infinitely fast device: work is accepted and not done, what comes back to the host is poison
};

Settings& settings();

// Sets one value by its name ("checked", "progress", "seed", ...); false if there is no such name.
bool configure(const std::string& name, uint64_t value);

// The one generator behind every random choice; seeded by the setting "seed".
std::mt19937_64& randomness();

}  // namespace emu
