// The mathematical functions that NVRTC has built in: those of the C library under their names, and CUDA's own. Shared by g++
// (emulator.h) and clang (ptx.h). DEVICE is empty or __device__, DEVICE_INLINE adds inline.
#pragma once

#define UNARY(name) DEVICE float name##f(float) NOTHROW; DEVICE double name(double) NOTHROW;
#define BINARY(name) DEVICE float name##f(float, float) NOTHROW; DEVICE double name(double, double) NOTHROW;
extern "C" {
UNARY(exp) UNARY(exp2) UNARY(expm1) UNARY(log) UNARY(log2) UNARY(log10) UNARY(log1p) UNARY(sqrt) UNARY(cbrt)
UNARY(sin) UNARY(cos) UNARY(tan) UNARY(asin) UNARY(acos) UNARY(atan) UNARY(sinh) UNARY(cosh) UNARY(tanh)
UNARY(asinh) UNARY(acosh) UNARY(atanh) UNARY(erf) UNARY(erfc) UNARY(lgamma) UNARY(tgamma)
UNARY(floor) UNARY(ceil) UNARY(trunc) UNARY(round) UNARY(rint) UNARY(nearbyint) UNARY(fabs)
BINARY(pow) BINARY(atan2) BINARY(fmod) BINARY(remainder) BINARY(hypot) BINARY(copysign) BINARY(fmax) BINARY(fmin) BINARY(fdim) BINARY(nextafter)
DEVICE float fmaf(float, float, float) NOTHROW;
DEVICE double fma(double, double, double) NOTHROW;
DEVICE float ldexpf(float, int) NOTHROW;
DEVICE double ldexp(double, int) NOTHROW;
DEVICE float frexpf(float, int*) NOTHROW;
DEVICE float modff(float, float*) NOTHROW;
DEVICE void sincosf(float, float*, float*) NOTHROW;
DEVICE int abs(int) NOTHROW;
DEVICE long long llabs(long long) NOTHROW;
}
#undef UNARY
#undef BINARY

// C++ overloads for float, as CUDA has them.
#define FLOAT_OVERLOAD(name) static DEVICE_INLINE float name(float x) { return name##f(x); }
FLOAT_OVERLOAD(exp) FLOAT_OVERLOAD(log) FLOAT_OVERLOAD(sqrt) FLOAT_OVERLOAD(tanh) FLOAT_OVERLOAD(floor) FLOAT_OVERLOAD(ceil)
FLOAT_OVERLOAD(sin) FLOAT_OVERLOAD(cos) FLOAT_OVERLOAD(fabs) FLOAT_OVERLOAD(erf) FLOAT_OVERLOAD(round) FLOAT_OVERLOAD(trunc)
#undef FLOAT_OVERLOAD
static DEVICE_INLINE float pow(float x, float y) { return powf(x, y); }
static DEVICE_INLINE float fma(float x, float y, float z) { return fmaf(x, y, z); }
static DEVICE_INLINE float abs(float x) { return fabsf(x); }
static DEVICE_INLINE double abs(double x) { return fabs(x); }

#define MIN_MAX(T)                                                     \
    static DEVICE_INLINE T min(T a, T b) { return a < b ? a : b; }     \
    static DEVICE_INLINE T max(T a, T b) { return a > b ? a : b; }
MIN_MAX(int) MIN_MAX(unsigned int) MIN_MAX(long) MIN_MAX(unsigned long) MIN_MAX(long long) MIN_MAX(unsigned long long)
#undef MIN_MAX
// Mixed signs count as unsigned, mixed floats as double, as in CUDA.
static DEVICE_INLINE unsigned int min(int a, unsigned int b) { return min((unsigned int)a, b); }
static DEVICE_INLINE unsigned int min(unsigned int a, int b) { return min(a, (unsigned int)b); }
static DEVICE_INLINE unsigned int max(int a, unsigned int b) { return max((unsigned int)a, b); }
static DEVICE_INLINE unsigned int max(unsigned int a, int b) { return max(a, (unsigned int)b); }
static DEVICE_INLINE float min(float a, float b) { return fminf(a, b); }
static DEVICE_INLINE float max(float a, float b) { return fmaxf(a, b); }
static DEVICE_INLINE double min(double a, double b) { return fmin(a, b); }
static DEVICE_INLINE double max(double a, double b) { return fmax(a, b); }
static DEVICE_INLINE double min(float a, double b) { return fmin(a, b); }
static DEVICE_INLINE double min(double a, float b) { return fmin(a, b); }
static DEVICE_INLINE double max(float a, double b) { return fmax(a, b); }
static DEVICE_INLINE double max(double a, float b) { return fmax(a, b); }

#undef isnan
#undef isinf
#undef isfinite
static DEVICE_INLINE bool isnan(float x) { return __builtin_isnan(x); }
static DEVICE_INLINE bool isnan(double x) { return __builtin_isnan(x); }
static DEVICE_INLINE bool isinf(float x) { return __builtin_isinf(x); }
static DEVICE_INLINE bool isinf(double x) { return __builtin_isinf(x); }
static DEVICE_INLINE bool isfinite(float x) { return __builtin_isfinite(x); }
static DEVICE_INLINE bool isfinite(double x) { return __builtin_isfinite(x); }

// CUDA's own names. The fast forms (__expf and the like) are exact here; on hardware they are approximations.
template <class To, class From>
static DEVICE_INLINE To sameBits(From value) {
    static_assert(sizeof(To) == sizeof(From), "types of one size");
    To result;
    __builtin_memcpy(&result, &value, sizeof result);
    return result;
}
static DEVICE_INLINE int __float_as_int(float x) { return sameBits<int>(x); }
static DEVICE_INLINE unsigned int __float_as_uint(float x) { return sameBits<unsigned int>(x); }
static DEVICE_INLINE float __int_as_float(int x) { return sameBits<float>(x); }
static DEVICE_INLINE float __uint_as_float(unsigned int x) { return sameBits<float>(x); }
static DEVICE_INLINE long long __double_as_longlong(double x) { return sameBits<long long>(x); }
static DEVICE_INLINE double __longlong_as_double(long long x) { return sameBits<double>(x); }
static DEVICE_INLINE float rsqrtf(float x) { return 1.0f / sqrtf(x); }
static DEVICE_INLINE double rsqrt(double x) { return 1.0 / sqrt(x); }
static DEVICE_INLINE float rsqrt(float x) { return rsqrtf(x); }
static DEVICE_INLINE float normcdff(float x) { return 0.5f * erfcf(-x * 0.70710678118654752f); }
static DEVICE_INLINE float __expf(float x) { return expf(x); }
static DEVICE_INLINE float __logf(float x) { return logf(x); }
static DEVICE_INLINE float __log2f(float x) { return log2f(x); }
static DEVICE_INLINE float __sinf(float x) { return sinf(x); }
static DEVICE_INLINE float __cosf(float x) { return cosf(x); }
static DEVICE_INLINE float __powf(float x, float y) { return powf(x, y); }
static DEVICE_INLINE float __fdividef(float x, float y) { return x / y; }
static DEVICE_INLINE float __frcp_rn(float x) { return 1.0f / x; }
static DEVICE_INLINE float __fsqrt_rn(float x) { return sqrtf(x); }
static DEVICE_INLINE float __fadd_rn(float x, float y) { return x + y; }
static DEVICE_INLINE float __fsub_rn(float x, float y) { return x - y; }
static DEVICE_INLINE float __fmul_rn(float x, float y) { return x * y; }
static DEVICE_INLINE float __fdiv_rn(float x, float y) { return x / y; }
static DEVICE_INLINE float __fmaf_rn(float x, float y, float z) { return fmaf(x, y, z); }
static DEVICE_INLINE float __saturatef(float x) { return fminf(fmaxf(x, 0.0f), 1.0f); }
static DEVICE_INLINE int __float2int_rn(float x) { return (int)rintf(x); }
static DEVICE_INLINE int __float2int_rz(float x) { return (int)x; }
static DEVICE_INLINE int __float2int_rd(float x) { return (int)floorf(x); }
static DEVICE_INLINE int __float2int_ru(float x) { return (int)ceilf(x); }
static DEVICE_INLINE float __int2float_rn(int x) { return (float)x; }
static DEVICE_INLINE float __uint2float_rn(unsigned int x) { return (float)x; }
static DEVICE_INLINE int __popc(unsigned int x) { return __builtin_popcount(x); }
static DEVICE_INLINE int __popcll(unsigned long long x) { return __builtin_popcountll(x); }
static DEVICE_INLINE int __clz(int x) { return x ? __builtin_clz((unsigned int)x) : 32; }
static DEVICE_INLINE int __clzll(long long x) { return x ? __builtin_clzll((unsigned long long)x) : 64; }
static DEVICE_INLINE int __ffs(int x) { return __builtin_ffs(x); }
static DEVICE_INLINE int __ffsll(long long x) { return __builtin_ffsll(x); }
static DEVICE_INLINE unsigned int __umulhi(unsigned int x, unsigned int y) { return (unsigned int)((unsigned long long)x * y >> 32); }
static DEVICE_INLINE int __mulhi(int x, int y) { return (int)((long long)x * y >> 32); }
// Signed bytes; the other signednesses are not offered.
static DEVICE_INLINE int __dp4a(int a, int b, int c) {
    for (int i = 0; i < 32; i += 8) c += (signed char)(a >> i) * (signed char)(b >> i);
    return c;
}
static DEVICE_INLINE unsigned int __brev(unsigned int x) {
    unsigned int r = 0;
    for (int i = 0; i < 32; i++) r |= (x >> i & 1u) << (31 - i);
    return r;
}
