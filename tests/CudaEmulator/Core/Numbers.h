// The number types of cuBLAS and cuDNN in memory: sizes, conversions, and the roundings that tensor cores apply to their inputs.
#pragma once
#include <cstdint>
#include <cstring>
#include <vector>

namespace emu {

enum class DataType { Float, Double, Half, BFloat16, Int8, Int32, Unknown };

inline uint64_t sizeOf(DataType type) {
    switch (type) {
        case DataType::Double: return 8;
        case DataType::Float: case DataType::Int32: return 4;
        case DataType::Half: case DataType::BFloat16: return 2;
        case DataType::Int8: return 1;
        default: return 0;
    }
}

inline float halfToFloat(uint16_t bits) {
    _Float16 h;
    memcpy(&h, &bits, sizeof h);
    return static_cast<float>(h);
}

inline uint16_t floatToHalf(double value) {
    auto h = static_cast<_Float16>(value);
    uint16_t bits;
    memcpy(&bits, &h, sizeof bits);
    return bits;
}

// Rounds a float to `kept` of its 23 mantissa bits, to nearest, ties to even.
inline float roundMantissa(float value, int kept) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    if ((bits & 0x7f800000u) == 0x7f800000u) return value;  // infinities and NaN stay
    int dropped = 23 - kept;
    bits += (1u << (dropped - 1)) - 1 + (bits >> dropped & 1);
    bits &= ~((1u << dropped) - 1);
    memcpy(&value, &bits, sizeof value);
    return value;
}

inline float bfloatToFloat(uint16_t bits) {
    uint32_t wide = static_cast<uint32_t>(bits) << 16;
    float value;
    memcpy(&value, &wide, sizeof value);
    return value;
}

inline uint16_t floatToBfloat(float value) {
    float rounded = roundMantissa(value, 7);
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    if (rounded != rounded) bits |= 0x400000u;  // keep a NaN a NaN when its low bits go
    return static_cast<uint16_t>(bits >> 16);
}

enum class InputRounding { None, Tf32, Half, BFloat16 };

inline float roundInput(float value, InputRounding rounding) {
    switch (rounding) {
        case InputRounding::Tf32: return roundMantissa(value, 10);
        case InputRounding::Half: return halfToFloat(floatToHalf(value));
        case InputRounding::BFloat16: return roundMantissa(value, 7);
        default: return value;
    }
}

// Element `i` of an array at `address`. Every type fits a double exactly.
inline double loadElement(uint64_t address, DataType type, uint64_t i) {
    auto at = reinterpret_cast<const char*>(address) + i * sizeOf(type);
    auto read = [&](auto value) {
        memcpy(&value, at, sizeof value);
        return value;
    };
    switch (type) {
        case DataType::Float: return static_cast<double>(read(float{}));
        case DataType::Double: return read(double{});
        case DataType::Half: return static_cast<double>(halfToFloat(read(uint16_t{})));
        case DataType::BFloat16: return static_cast<double>(bfloatToFloat(read(uint16_t{})));
        case DataType::Int8: return read(int8_t{});
        case DataType::Int32: return read(int32_t{});
        default: return 0;
    }
}

inline void storeElement(uint64_t address, DataType type, uint64_t i, double value) {
    auto at = reinterpret_cast<char*>(address) + i * sizeOf(type);
    auto write = [&](auto v) { memcpy(at, &v, sizeof v); };
    switch (type) {
        case DataType::Float: write(static_cast<float>(value)); break;
        case DataType::Double: write(value); break;
        case DataType::Half: write(floatToHalf(value)); break;
        case DataType::BFloat16: write(floatToBfloat(static_cast<float>(value))); break;
        case DataType::Int8: write(static_cast<int8_t>(value)); break;
        case DataType::Int32: write(static_cast<int32_t>(value)); break;
        default: break;
    }
}

}  // namespace emu
