// What cuDNN's handles stand for, and what its routines share: views of tensors, scalars, queueing.
#pragma once
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "../Core/Capture.h"
#include "../Core/Context.h"
#include "../Core/Counters.h"
#include "../Core/Handles.h"
#include "../Core/Memory.h"
#include "../Core/Numbers.h"
#include "../Core/Reports.h"
#include "../Core/Settings.h"

using namespace emu;

#define CUDNN_API extern "C" __attribute__((visibility("default"))) int

enum DnnStatus { DnnSuccess = 0, DnnNotInitialized = 1001, DnnBadParam = 2000, DnnNotSupported = 3000, DnnInternalError = 4000, DnnExecutionFailed = 5000 };

struct DnnHandle {
    std::shared_ptr<Stream> stream = legacyStream();
};

// Dimensions are always N, C, H, W; how they lie in memory is in the strides (elements).
struct Tensor {
    DataType type = DataType::Unknown;
    std::vector<int> size, stride;

    bool isSet() const { return type != DataType::Unknown; }
    int n() const { return size[0]; }
    int c() const { return size[1]; }
    int h() const { return size[2]; }
    int w() const { return size[3]; }
    int64_t count() const;
    int64_t span() const;  // elements from the first to the last
    uint64_t bytes() const { return static_cast<uint64_t>(span()) * sizeOf(type); }
    bool isNhwc() const;
    bool isPacked() const { return span() == count(); }
    std::string text() const;  // "2x3x4x5 float"
};

// Dimensions K, C / groups, R, S.
struct Filter {
    DataType type = DataType::Unknown;
    int format = 0, k = 0, c = 0, r = 0, s = 0;

    bool isSet() const { return type != DataType::Unknown; }
    bool isNhwc() const { return format == 1; }
    int64_t count() const { return static_cast<int64_t>(k) * c * r * s; }
    int64_t index(int ki, int ci, int ri, int si) const;
};

struct Convolution {
    bool set = false;
    int padH = 0, padW = 0, strideH = 1, strideW = 1, dilationH = 1, dilationW = 1, mode = 1, groups = 1, math = 0;
    DataType compute = DataType::Float;
};

struct Pooling {
    bool set = false;
    int mode = 0, windowH = 0, windowW = 0, padH = 0, padW = 0, strideH = 0, strideW = 0;
    bool propagatesNan = false;
};

struct Activation {
    bool set = false, propagatesNan = false;
    int mode = 0;
    double coefficient = 0, swishBeta = 1;
};

struct Dropout {
    bool set = false;
    float rate = 0;
    uint64_t states = 0, seed = 0;
    uint64_t draws = 0;  // masks made so far: each call draws a new one
};

struct OpTensor {
    bool set = false;
    int op = 0;
    DataType compute = DataType::Float;
};

struct ReduceTensor {
    bool set = false;
    int op = 0, indices = 0;
    DataType compute = DataType::Float;
};

DataType dnnType(int cudnnType);
int dnnTypeNumber(DataType type);
const char* nameOf(DataType type);

// ---- first lines of calls ----

#define DESCRIPTOR(T, name, handle)                             \
    auto name = handleTo<T>(handle, Kind::T, __func__);         \
    if (!name) return DnnBadParam
#define READY(T, name, handle)                                              \
    DESCRIPTOR(T, name, handle);                                            \
    if (!isReady(*name, __func__, #T)) return DnnBadParam
#define DNN_HANDLE(name, handle)                                            \
    Lock lock;                                                              \
    count("calls");                                                         \
    auto name = handleTo<DnnHandle>(handle, Kind::Cudnn, __func__);         \
    if (!name) return DnnNotInitialized;                                    \
    if (enter(__func__)) return DnnExecutionFailed

inline bool isSet(const Tensor& x) { return x.isSet(); }
inline bool isSet(const Filter& x) { return x.isSet(); }
template <class T>
bool isSet(const T& x) { return x.set; }
template <class T>
bool isReady(const T& object, const char* caller, const char* kind) {
    if (isSet(object)) return true;
    finding("%s: a %s descriptor was created, but never set", caller, kind);
    return false;
}

// ---- tensors in device memory ----

struct View {
    const Tensor* tensor;
    uint64_t address;

    int64_t at(int n, int c, int h, int w) const;
    double get(int64_t i) const { return loadElement(address, tensor->type, static_cast<uint64_t>(i)); }
    double get(int n, int c, int h, int w) const { return get(at(n, c, h, w)); }
    void set(int64_t i, double value) const { storeElement(address, tensor->type, static_cast<uint64_t>(i), value); }
};

// Calls `visit(n, c, h, w)` for each element.
template <class Visit>
void eachElement(const Tensor& t, Visit visit) {
    for (int n = 0; n < t.n(); n++)
        for (int c = 0; c < t.c(); c++)
            for (int h = 0; h < t.h(); h++)
                for (int w = 0; w < t.w(); w++) visit(n, c, h, w);
}

// y = alpha value + beta y; with beta 0, y is not read.
struct Blend {
    double alpha = 1, beta = 0;
    void store(const View& y, int64_t i, double value) const { y.set(i, beta == 0 ? alpha * value : alpha * value + beta * y.get(i)); }
};

// Scalars are host floats, or host doubles for tensors of double; false with a finding for null or a device pointer.
bool readBlend(const void* alpha, const void* beta, DataType type, Blend& blend, const char* caller);

// Collects what a call touches, and checks it: each buffer must lie in living device memory, aligned to its elements.
class Buffers {
public:
    explicit Buffers(const char* caller) : caller_(caller) {}
    Buffers& read(const Tensor& t, const void* pointer, const char* name) { return add(t.bytes(), sizeOf(t.type), t.isPacked(), pointer, false, name); }
    Buffers& write(const Tensor& t, const void* pointer, const char* name, double beta = 0);
    Buffers& bytes(uint64_t count, const void* pointer, bool write, const char* name) { return add(count, 1, true, pointer, write, name); }
    // Scratch memory: what it holds before and after has no meaning.
    Buffers& scratch(uint64_t count, const void* pointer, uint64_t given);
    bool ok() const { return ok_; }
    const std::vector<Access>& accesses() const { return accesses_; }
    const char* caller() const { return caller_; }
    uint64_t scratchAddress = 0, scratchBytes = 0;

private:
    Buffers& add(uint64_t bytes, uint64_t alignment, bool content, const void* pointer, bool write, const char* name);
    const char* caller_;
    bool ok_ = true;
    std::vector<Access> accesses_;
};

// Queues a routine: BadParam if a buffer was wrong, an ordered failure, or what the stream answers.
int queueDnn(const DnnHandle& handle, const Buffers& buffers, std::function<void()> compute);

inline uint64_t addressOf(const void* pointer) { return reinterpret_cast<uint64_t>(pointer); }
int badParam(const char* format, ...) __attribute__((format(printf, 1, 2)));
int notSupported(const char* format, ...) __attribute__((format(printf, 1, 2)));
bool sameSize(const Tensor& a, const Tensor& b);
