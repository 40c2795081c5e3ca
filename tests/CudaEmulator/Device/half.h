// Conversions of _Float16, which g++ calls by these names. The compiler's own library reads the rounding mode and raises flags at each,
// which takes longer than most kernels do besides.
#pragma once

extern "C" {
EMU_UNCHECKED float __extendhfsf2(_Float16 half) {
    unsigned short bits = sameBits<unsigned short>(half);
    unsigned int magnitude = bits & 0x7fffu, sign = (unsigned int)(bits & 0x8000u) << 16;
    if (magnitude > 0x7c00u) return sameBits<float>(sign | 0x7fc00000u | magnitude << 13);  // NaN, made quiet
    if (magnitude == 0x7c00u) return sameBits<float>(sign | 0x7f800000u);
    // The exponent's bias is 112 smaller; a product of a power of two is exact, also where the half is subnormal.
    return sameBits<float>(sign | sameBits<unsigned int>(sameBits<float>(magnitude << 13) * 0x1p112f));
}

EMU_UNCHECKED _Float16 __truncsfhf2(float value) {
    unsigned int bits = sameBits<unsigned int>(value), magnitude = bits & 0x7fffffffu, half;
    if (magnitude > 0x7f800000u) half = 0x7e00u | (magnitude >> 13 & 0x1ffu);
    else if (magnitude >= 0x477ff000u) half = 0x7c00u;  // from halfway between the largest and the next power of two on
    else if (magnitude >= 0x38800000u) half = (magnitude - 0x38000000u + 0xfffu + (magnitude >> 13 & 1u)) >> 13;
    else half = sameBits<unsigned int>(sameBits<float>(magnitude) + 0.5f) - 0x3f000000u;  // a last place of 0.5 is one of a subnormal half
    return sameBits<_Float16>((unsigned short)(bits >> 16 & 0x8000u | half));
}
}
