#include "Image.h"

#include <cstdio>
#include <cstring>

namespace emu {

namespace {

struct CubinHeader {
    char magic[8];
    uint64_t architecture, bytes;
};
const char CubinMagic[8] = {'C', 'U', 'E', 'M', 'U', 'B', 'I', 'N'};
const char PtxMagic[] = "// PTX of the CUDA emulator, compute_";
const char Digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

std::string toBase64(const std::string& bytes) {
    std::string out;
    uint32_t bits = 0;
    int held = 0;
    for (unsigned char c : bytes) {
        bits = bits << 8 | c;
        for (held += 8; held >= 6; held -= 6) out += Digits[bits >> (held - 6) & 63];
    }
    if (held > 0) out += Digits[bits << (6 - held) & 63];
    return out;
}

bool fromBase64(const char* text, std::string& bytes) {
    uint32_t bits = 0;
    int held = 0;
    for (; *text; text++) {
        if (*text == '\n') continue;
        const char* digit = strchr(Digits, *text);
        if (!digit) return false;
        bits = bits << 6 | static_cast<uint32_t>(digit - Digits);
        held += 6;
        if (held >= 8) bytes += static_cast<char>(bits >> (held -= 8) & 255);
    }
    return true;
}

}  // namespace

std::string writeCubin(const std::string& library, uint64_t architecture) {
    CubinHeader header;
    memcpy(header.magic, CubinMagic, sizeof CubinMagic);
    header.architecture = architecture;
    header.bytes = library.size();
    return std::string(reinterpret_cast<char*>(&header), sizeof header) + library;
}

std::string writePtx(const std::string& library, uint64_t architecture) {
    std::string out = PtxMagic + std::to_string(architecture) + "\n" + toBase64(library);
    out.push_back('\0');
    return out;
}

bool readImage(const void* image, ImageContent& content) {
    if (!image) return false;
    if (memcmp(image, CubinMagic, sizeof CubinMagic) == 0) {
        CubinHeader header;
        memcpy(&header, image, sizeof header);
        content.architecture = header.architecture;
        content.library.assign(static_cast<const char*>(image) + sizeof header, header.bytes);
        return true;
    }
    auto text = static_cast<const char*>(image);
    if (strncmp(text, PtxMagic, sizeof PtxMagic - 1) != 0) return false;
    unsigned long architecture;
    if (sscanf(text + sizeof PtxMagic - 1, "%lu", &architecture) != 1) return false;
    content.architecture = architecture;
    content.isPtx = true;
    const char* body = strchr(text, '\n');
    return body && fromBase64(body, content.library);
}

}  // namespace emu
