// What Descriptors.h declares: views, buffers, queueing.
#include <cstdarg>
#include <cstdio>

#include "Descriptors.h"

DataType dnnType(int number) {
    switch (number) {
        case 0: return DataType::Float;
        case 1: return DataType::Double;
        case 2: return DataType::Half;
        case 3: return DataType::Int8;
        case 4: return DataType::Int32;
        case 9: return DataType::BFloat16;
        default: return DataType::Unknown;
    }
}

int dnnTypeNumber(DataType type) {
    for (int number : {0, 1, 2, 3, 4, 9})
        if (dnnType(number) == type) return number;
    return -1;
}

const char* nameOf(DataType type) {
    static const char* const names[] = {"float", "double", "half", "bfloat16", "int8", "int32", "unknown"};
    return names[static_cast<int>(type)];
}

int64_t Tensor::count() const {
    int64_t product = 1;
    for (int s : size) product *= s;
    return product;
}

int64_t Tensor::span() const {
    int64_t last = 0;
    for (size_t i = 0; i < size.size(); i++) last += static_cast<int64_t>(size[i] - 1) * stride[i];
    return last + 1;
}

// A stride of 1 on C; with one channel, or one pixel, both orders are the same.
bool Tensor::isNhwc() const { return c() > 1 && h() * w() > 1 && stride[1] == 1; }

std::string Tensor::text() const {
    std::string out;
    for (int s : size) out += (out.empty() ? "" : "x") + std::to_string(s);
    return out + " " + nameOf(type);
}

int64_t Filter::index(int ki, int ci, int ri, int si) const {
    return isNhwc() ? ((static_cast<int64_t>(ki) * r + ri) * s + si) * c + ci : ((static_cast<int64_t>(ki) * c + ci) * r + ri) * s + si;
}

int64_t View::at(int n, int c, int h, int w) const {
    const std::vector<int>& s = tensor->stride;
    return static_cast<int64_t>(n) * s[0] + static_cast<int64_t>(c) * s[1] + static_cast<int64_t>(h) * s[2] + static_cast<int64_t>(w) * s[3];
}

bool sameSize(const Tensor& a, const Tensor& b) { return a.size == b.size; }

bool readBlend(const void* alpha, const void* beta, DataType type, Blend& blend, const char* caller) {
    for (const void* pointer : {alpha, beta})
        if (!pointer || isDeviceRegion(addressOf(pointer))) {
            finding("%s: alpha and beta lie in host memory; got %s", caller, describe(addressOf(pointer)).c_str());
            return false;
        }
    DataType scalar = type == DataType::Double ? DataType::Double : DataType::Float;
    blend = {loadElement(addressOf(alpha), scalar, 0), loadElement(addressOf(beta), scalar, 0)};
    return true;
}

Buffers& Buffers::add(uint64_t bytes, uint64_t alignment, bool content, const void* pointer, bool write, const char* name) {
    uint64_t address = addressOf(pointer);
    if (!ok_) return *this;
    if (address % alignment != 0) {
        finding("%s: %s at %s is not aligned to its elements", caller_, name, describe(address).c_str());
        ok_ = false;
    } else if (!checkRange(address, bytes, (std::string(caller_) + ", " + name).c_str())) {
        ok_ = false;
    }
    accesses_.push_back({{address, bytes, 1, 0}, write, name, content});
    return *this;
}

Buffers& Buffers::write(const Tensor& t, const void* pointer, const char* name, double beta) {
    if (beta != 0) read(t, pointer, name);
    return add(t.bytes(), sizeOf(t.type), t.isPacked(), pointer, true, name);
}

Buffers& Buffers::scratch(uint64_t count, const void* pointer, uint64_t given) {
    if (!ok_ || (count == 0 && given == 0)) return *this;
    if (given < count) {
        finding("%s: a workspace of %lu bytes, %lu are needed (asked for another algorithm, type or math type?)", caller_, given, count);
        ok_ = false;
        return *this;
    }
    if (count == 0) return *this;
    add(given, 256, false, pointer, true, "the workspace");
    scratchAddress = addressOf(pointer);
    scratchBytes = count;
    return *this;
}

int queueDnn(const DnnHandle& handle, const Buffers& buffers, std::function<void()> compute) {
    if (!buffers.ok()) return DnnBadParam;
    if (int status = injected(Call::Cudnn)) return status;
    uint64_t scratch = buffers.scratchAddress, scratchBytes = buffers.scratchBytes;
    Work work{buffers.caller(), WorkKind::Library, buffers.accesses(), nullptr, nullptr};
    work.run = [=](const Moment&) {
        compute();
        if (scratch) poison(scratch, scratchBytes);  // what it held is lost
        return Success;
    };
    count("cudnn_calls");
    return enqueue(handle.stream, std::move(work)) ? DnnExecutionFailed : DnnSuccess;
}

namespace {

std::string formatted(const char* format, va_list arguments) {
    char buffer[1024];
    vsnprintf(buffer, sizeof buffer, format, arguments);
    return buffer;
}

}  // namespace

int badParam(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    finding("%s", formatted(format, arguments).c_str());
    va_end(arguments);
    return DnnBadParam;
}

// Not a mistake: programs ask for what a library may not have, and fall back.
int notSupported(const char* format, ...) {
    va_list arguments;
    va_start(arguments, format);
    note("%s", formatted(format, arguments).c_str());
    va_end(arguments);
    return DnnNotSupported;
}
