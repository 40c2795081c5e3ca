// Finds missing synchronisation, whatever the order in which things happened to run. Each stream has a vector clock (Lamport 1978,
// Fidge 1988): for every stream, the position up to which its work is known to be done before what comes next. Two accesses to the
// same bytes, one of them a write, are ordered if the clock of one has seen the other; otherwise they race.
#pragma once
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace emu {

struct Clock {
    std::map<uint64_t, uint64_t> seen;  // stream id -> position

    void merge(const Clock& other);
    uint64_t at(uint64_t stream) const;
};

// A piece of work on a stream, as far as ordering goes.
struct Moment {
    uint64_t stream = 0;    // id
    uint64_t position = 0;  // of the work on that stream
    std::shared_ptr<const Clock> clock;
    std::string what;       // "kernel softmax", "copy to device"

    bool isOrderedWith(const Moment& other) const;
};

// Rows of bytes: `count` pieces of `width` bytes, `pitch` bytes apart. A plain range is one row.
struct Span {
    uint64_t address = 0, width = 0, count = 1, pitch = 0;

    uint64_t bytes() const { return count == 0 || width == 0 ? 0 : (count - 1) * pitch + width; }
};

struct Access {
    Span span;
    bool write = false;
    std::string what;     // "gemm A"
    bool content = true;  // a read wants the bytes written before, a write leaves them written; not so for copies, which pass on both
};

struct Interval {
    uint64_t first, last;  // bytes, the last one included
};

std::vector<Interval> intervals(const Span& span);

// Who touched which bytes of an allocation last.
class AccessHistory {
public:
    // Notes the access, and reports it if an earlier one is not ordered with it.
    void add(const Moment& moment, const std::vector<Interval>& where, bool write, uint64_t allocationId);

private:
    struct Record {
        Moment moment;
        std::vector<Interval> where;
        bool write;
    };
    std::vector<Record> records_;
};

}  // namespace emu
