#include "Ordering.h"

#include <algorithm>

#include "Reports.h"

namespace emu {

void Clock::merge(const Clock& other) {
    for (auto& entry : other.seen) {
        uint64_t& mine = seen[entry.first];
        mine = std::max(mine, entry.second);
    }
}

uint64_t Clock::at(uint64_t stream) const {
    auto found = seen.find(stream);
    return found == seen.end() ? 0 : found->second;
}

bool Moment::isOrderedWith(const Moment& other) const {
    return stream == other.stream || clock->at(other.stream) >= other.position || other.clock->at(stream) >= position;
}

namespace {

constexpr uint64_t MostRows = 512;  // beyond that, the rows are taken for one range

bool overlap(const std::vector<Interval>& a, const std::vector<Interval>& b) {
    size_t i = 0, j = 0;  // both are sorted and free of overlaps
    while (i < a.size() && j < b.size()) {
        if (a[i].last < b[j].first) i++;
        else if (b[j].last < a[i].first) j++;
        else return true;
    }
    return false;
}

bool within(const std::vector<Interval>& inner, const std::vector<Interval>& outer) {
    return std::all_of(inner.begin(), inner.end(), [&](const Interval& x) {
        return std::any_of(outer.begin(), outer.end(), [&](const Interval& y) { return y.first <= x.first && x.last <= y.last; });
    });
}

}  // namespace

std::vector<Interval> intervals(const Span& span) {
    if (span.bytes() == 0) return {};
    if (span.count == 1 || span.pitch <= span.width || span.count > MostRows) return {{span.address, span.address + span.bytes() - 1}};
    std::vector<Interval> rows;
    for (uint64_t i = 0; i < span.count; i++) rows.push_back({span.address + i * span.pitch, span.address + i * span.pitch + span.width - 1});
    return rows;
}

void AccessHistory::add(const Moment& moment, const std::vector<Interval>& where, bool write, uint64_t allocationId) {
    if (where.empty()) return;
    for (const Record& earlier : records_) {
        if (!(write || earlier.write) || earlier.moment.isOrderedWith(moment) || !overlap(earlier.where, where)) continue;
        finding("missing synchronisation: %s on stream %lu %s bytes of allocation #%lu that %s on stream %lu %s, and nothing orders the two "
                "(record an event on one stream and let the other wait for it)",
                moment.what.c_str(), moment.stream, write ? "writes" : "reads", allocationId, earlier.moment.what.c_str(),
                earlier.moment.stream, earlier.write ? "writes" : "reads");
        break;
    }
    // What comes before a write to the same bytes, or before a read in the same stream, has nothing more to tell.
    auto settled = [&](const Record& r) {
        bool before = r.moment.stream == moment.stream || moment.clock->at(r.moment.stream) >= r.moment.position;
        return before && (write || (!r.write && r.moment.stream == moment.stream)) && within(r.where, where);
    };
    records_.erase(std::remove_if(records_.begin(), records_.end(), settled), records_.end());
    records_.push_back({moment, where, write});
}

}  // namespace emu
