// The form of a compiled module on its way from the NVRTC stand-in to the driver stand-in: a "CUBIN" is a header and the shared
// object behind it; a "PTX" is a text that ends in NUL, as the driver wants it, with the same in base 64.
#pragma once
#include <cstdint>
#include <string>

namespace emu {

struct ImageContent {
    std::string library;  // the shared object
    uint64_t architecture = 0;
    bool isPtx = false;
};

std::string writeCubin(const std::string& library, uint64_t architecture);
std::string writePtx(const std::string& library, uint64_t architecture);  // includes the NUL
bool readImage(const void* image, ImageContent& content);

}  // namespace emu
