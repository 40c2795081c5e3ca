// Which bytes of an allocation something has written, in checked mode: a bit a byte.
#include <algorithm>

#include "Memory.h"

namespace emu {

void markInitialised(uint64_t address, uint64_t bytes) {
    Allocation* a = allocationAt(address);
    if (!a || !a->tracksBytes()) return;
    uint64_t first = address - a->address;
    for (uint64_t i = first; i < first + bytes;) {
        if ((i & 63) == 0 && first + bytes - i >= 64) {
            a->initialised[i >> 6] = ~0ull;
            i += 64;
        } else {
            a->initialised[i >> 6] |= 1ull << (i & 63);
            i++;
        }
    }
}

int64_t firstUninitialised(uint64_t address, uint64_t bytes) {
    const Allocation* a = allocationAt(address);
    if (!a || !a->tracksBytes()) return -1;
    uint64_t first = address - a->address;
    for (uint64_t i = first; i < first + bytes;) {
        uint64_t word = a->initialised[i >> 6];
        if (word == ~0ull) {
            i = (i | 63) + 1;
        } else if (word >> (i & 63) & 1) {
            i++;
        } else {
            return static_cast<int64_t>(i - first);
        }
    }
    return -1;
}

void copyInitialised(uint64_t to, uint64_t from, uint64_t bytes) {
    Allocation* target = allocationAt(to);
    const Allocation* source = allocationAt(from);
    if (!target || !target->tracksBytes()) return;
    if (!source || !source->tracksBytes()) {
        markInitialised(to, bytes);
        return;
    }
    // By way of a copy, since the two ranges may overlap.
    std::vector<uint64_t> bits((bytes + 63) / 64);
    for (uint64_t i = 0, at = from - source->address; i < bits.size(); i++, at += 64) {
        size_t word = at >> 6;
        bits[i] = source->initialised[word] >> (at & 63);
        if ((at & 63) && word + 1 < source->initialised.size()) bits[i] |= source->initialised[word + 1] << (64 - (at & 63));
    }
    for (uint64_t i = 0, at = to - target->address; i < bytes;) {
        uint64_t many = std::min({64 - (at & 63), 64 - (i & 63), bytes - i}), mask = many == 64 ? ~0ull : (1ull << many) - 1;
        uint64_t& word = target->initialised[at >> 6];
        word = (word & ~(mask << (at & 63))) | ((bits[i >> 6] >> (i & 63) & mask) << (at & 63));
        i += many;
        at += many;
    }
}

}  // namespace emu
