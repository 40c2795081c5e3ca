// CUDA's built-in vector types, with the alignments of CUDA C. Shared by g++ (emulator.h) and clang (ptx.h).
#pragma once

typedef __SIZE_TYPE__ size_t;
typedef unsigned char uchar;
typedef unsigned short ushort;
typedef unsigned int uint;
typedef unsigned long ulong;

#define VECTOR_TYPES(T, name)                                                                       \
    struct name##1 { T x; };                                                                        \
    struct __attribute__((aligned(2 * sizeof(T)))) name##2 { T x, y; };                             \
    struct name##3 { T x, y, z; };                                                                  \
    struct __attribute__((aligned(4 * sizeof(T) < 16 ? 4 * sizeof(T) : 16))) name##4 { T x, y, z, w; }; \
    static DEVICE_INLINE name##1 make_##name##1(T x) { return {x}; }                                \
    static DEVICE_INLINE name##2 make_##name##2(T x, T y) { return {x, y}; }                        \
    static DEVICE_INLINE name##3 make_##name##3(T x, T y, T z) { return {x, y, z}; }                \
    static DEVICE_INLINE name##4 make_##name##4(T x, T y, T z, T w) { return {x, y, z, w}; }

VECTOR_TYPES(signed char, char)
VECTOR_TYPES(unsigned char, uchar)
VECTOR_TYPES(short, short)
VECTOR_TYPES(unsigned short, ushort)
VECTOR_TYPES(int, int)
VECTOR_TYPES(unsigned int, uint)
VECTOR_TYPES(long long, longlong)
VECTOR_TYPES(unsigned long long, ulonglong)
VECTOR_TYPES(float, float)
VECTOR_TYPES(double, double)
#undef VECTOR_TYPES

struct dim3 {
    unsigned int x, y, z;
    DEVICE_INLINE dim3(unsigned int x = 1, unsigned int y = 1, unsigned int z = 1) : x(x), y(y), z(z) {}
};
