// Copies and fills, as the driver's cuMemcpy... and cuMemset... calls want them.
#pragma once
#include <cstdint>
#include <memory>

#include "Streams.h"

namespace emu {

// One side of a copy: rows of bytes in host or device memory.
struct Place {
    uint64_t address = 0;
    bool onDevice = false;
    uint64_t pitch = 0;  // bytes from row to row
};

// Copies `rows` rows of `width` bytes. A blocking copy comes back when it is done; an asynchronous one waits only where host memory
// is pageable, as real drivers do.
Status copy(const std::shared_ptr<Stream>& stream, Place to, Place from, uint64_t width, uint64_t rows, bool blocking, const char* caller);

// Fills `n` elements of `element` bytes (1, 2 or 4).
Status fill(const std::shared_ptr<Stream>& stream, uint64_t address, uint32_t value, uint64_t element, uint64_t n, const char* caller);

}  // namespace emu
