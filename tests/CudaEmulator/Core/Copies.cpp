#include "Copies.h"

#include <cstring>
#include <vector>

#include "Capture.h"
#include "Context.h"
#include "Counters.h"
#include "HostMemory.h"
#include "Memory.h"
#include "Reports.h"
#include "Settings.h"

namespace emu {

namespace {

void copyRows(uint64_t to, uint64_t toPitch, uint64_t from, uint64_t fromPitch, uint64_t width, uint64_t rows) {
    for (uint64_t r = 0; r < rows; r++)
        memmove(reinterpret_cast<void*>(to + r * toPitch), reinterpret_cast<const void*>(from + r * fromPitch), width);
}

// The place is what it is said to be, and large enough as far as the emulator can know.
bool check(const Place& place, uint64_t width, uint64_t rows, const char* what) {
    uint64_t bytes = rows == 0 ? 0 : (rows - 1) * place.pitch + width;
    if (rows > 1 && place.pitch < width) {
        finding("%s: rows of %lu bytes are only %lu bytes apart", what, width, place.pitch);
        return false;
    }
    if (place.onDevice) return checkRange(place.address, bytes, what);
    if (bytes > 0 && (place.address == 0 || isDeviceRegion(place.address))) {
        finding("%s: a host pointer is wanted, got %s", what, describe(place.address).c_str());
        return false;
    }
    return true;
}

void countCopy(const Place& to, const Place& from, uint64_t bytes) {
    const char* direction = from.onDevice && to.onDevice ? "on_device" : to.onDevice ? "to_device" : "to_host";
    count(std::string("copies_") + direction);
    count(std::string("bytes_") + direction, bytes);
}

Status stillPinned(uint64_t address, uint64_t bytes, const char* caller) {
    if (isPinned(reinterpret_cast<void*>(address), bytes)) return Success;
    finding("%s: %lu bytes of host memory at %#lx were page-locked when the copy was called, and are not now that it runs", caller, bytes, address);
    return IllegalAddress;
}

}  // namespace

Status copy(const std::shared_ptr<Stream>& stream, Place to, Place from, uint64_t width, uint64_t rows, bool blocking, const char* caller) {
    if (width == 0 || rows == 0) return Success;
    if (!check(to, width, rows, (std::string(caller) + ", destination").c_str()) || !check(from, width, rows, (std::string(caller) + ", source").c_str()))
        return InvalidValue;
    if (int status = injected(Call::Copy)) return static_cast<Status>(status);
    if (blocking)
        if (Status status = refuseDuringCapture(caller)) return status;
    if (settings().idle && !stream->capture) {
        for (uint64_t r = 0; !to.onDevice && r < rows; r++) memset(reinterpret_cast<void*>(to.address + r * to.pitch), Poison, width);  // NaN, or -1
        countCopy(to, from, width * rows);
        return Success;
    }

    const Place& host = from.onDevice ? to : from;
    uint64_t hostBytes = (rows - 1) * host.pitch + width;
    bool bothOnDevice = to.onDevice && from.onDevice;
    bool pinned = !bothOnDevice && isPinned(reinterpret_cast<void*>(host.address), hostBytes);
    if (!bothOnDevice && !pinned && stream->capture) {
        finding("%s: pageable host memory in a capture; a graph can copy from and to page-locked memory alone", caller);
        return refuseIfCapturing(*stream, caller);
    }

    Work work;
    work.what = caller;
    work.kind = WorkKind::Copy;
    if (from.onDevice) work.accesses.push_back({{from.address, width, rows, from.pitch}, false, "source", false});
    if (to.onDevice) work.accesses.push_back({{to.address, width, rows, to.pitch}, true, "destination", !bothOnDevice});

    std::shared_ptr<std::vector<char>> staged;
    if (to.onDevice && !bothOnDevice && !pinned) {
        staged = std::make_shared<std::vector<char>>(hostBytes);
        memcpy(staged->data(), reinterpret_cast<void*>(from.address), hostBytes);
    }
    work.run = [=, what = std::string(caller)](const Moment&) -> Status {
        if (pinned)
            if (Status status = stillPinned(host.address, hostBytes, what.c_str())) return status;
        uint64_t source = staged ? reinterpret_cast<uint64_t>(staged->data()) : from.address;
        copyRows(to.address, to.pitch, source, from.pitch, width, rows);
        for (uint64_t r = 0; bothOnDevice && r < rows; r++) copyInitialised(to.address + r * to.pitch, from.address + r * from.pitch, width);
        countCopy(to, from, width * rows);
        return Success;
    };
    if (Status status = enqueue(stream, std::move(work))) return status;
    bool toPageable = !to.onDevice && !pinned;
    return blocking || toPageable ? waitFor(stream) : Success;
}

Status fill(const std::shared_ptr<Stream>& stream, uint64_t address, uint32_t value, uint64_t element, uint64_t n, const char* caller) {
    if (n == 0) return Success;
    if (address % element != 0) {
        finding("%s: address %#lx is not a multiple of %lu", caller, address, element);
        return InvalidValue;
    }
    if (!checkRange(address, n * element, caller)) return InvalidValue;
    if (settings().idle && !stream->capture) {
        count("memsets");
        return Success;
    }
    Work work;
    work.what = caller;
    work.kind = WorkKind::Memset;
    work.accesses = {{{address, n * element, 1, 0}, true, "destination"}};
    work.run = [=](const Moment&) {
        for (uint64_t i = 0; i < n; i++) memcpy(reinterpret_cast<void*>(address + i * element), &value, element);
        count("memsets");
        return Success;
    };
    return enqueue(stream, std::move(work));
}

}  // namespace emu
