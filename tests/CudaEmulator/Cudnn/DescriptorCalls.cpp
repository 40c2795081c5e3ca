// Creating, setting, reading and destroying descriptors.
#include "Descriptors.h"

namespace {

template <class T>
int create(void** handle, Kind kind) {
    Lock lock;
    if (!handle) return badParam("a descriptor's place is null");
    *handle = newHandle(kind, std::make_shared<T>());
    return DnnSuccess;
}

int destroy(const void* handle, Kind kind, const char* caller) {
    Lock lock;
    if (!findHandle(handle, kind, caller)) return DnnBadParam;
    dropHandle(handle);
    return DnnSuccess;
}

bool allPositive(const std::vector<int>& values) {
    for (int v : values)
        if (v < 1) return false;
    return true;
}

int setTensor(Tensor& t, int type, std::vector<int> size, std::vector<int> stride, const char* caller) {
    if (dnnType(type) == DataType::Unknown) return badParam("%s: data type %d is not emulated", caller, type);
    if (!allPositive(size) || !allPositive(stride)) return badParam("%s: sizes and strides are 1 or more", caller);
    t = {dnnType(type), std::move(size), std::move(stride)};
    constexpr int64_t Most = 0x7fffffff;
    if (t.span() > Most) {
        std::string what = t.text();
        t = {};
        return notSupported("%s: %s has more than 2^31-1 elements; split it along N", caller, what.c_str());
    }
    return DnnSuccess;
}

}  // namespace

#define LIFETIME(T)                                                                                             \
    CUDNN_API cudnnCreate##T##Descriptor(void** handle) { return create<T>(handle, Kind::T); }                  \
    CUDNN_API cudnnDestroy##T##Descriptor(void* handle) { return destroy(handle, Kind::T, __func__); }
LIFETIME(Tensor)
LIFETIME(Filter)
LIFETIME(Convolution)
LIFETIME(Pooling)
LIFETIME(Activation)
LIFETIME(Dropout)
LIFETIME(OpTensor)
LIFETIME(ReduceTensor)

// ---- tensors ----

CUDNN_API cudnnSetTensor4dDescriptor(void* handle, int format, int type, int n, int c, int h, int w) {
    Lock lock;
    DESCRIPTOR(Tensor, t, handle);
    if (format == 0) return setTensor(*t, type, {n, c, h, w}, {c * h * w, h * w, w, 1}, __func__);
    if (format == 1) return setTensor(*t, type, {n, c, h, w}, {c * h * w, 1, w * c, c}, __func__);
    return notSupported("cudnnSetTensor4dDescriptor: format %d is not emulated", format);
}

CUDNN_API cudnnSetTensor4dDescriptorEx(void* handle, int type, int n, int c, int h, int w, int strideN, int strideC, int strideH, int strideW) {
    Lock lock;
    DESCRIPTOR(Tensor, t, handle);
    return setTensor(*t, type, {n, c, h, w}, {strideN, strideC, strideH, strideW}, __func__);
}

CUDNN_API cudnnSetTensorNdDescriptor(void* handle, int type, int dimensions, const int* size, const int* stride) {
    Lock lock;
    DESCRIPTOR(Tensor, t, handle);
    if (dimensions < 4 || !size || !stride) return badParam("cudnnSetTensorNdDescriptor: %d dimensions; 4 or more are wanted, pad with 1s", dimensions);
    if (dimensions > 4) return notSupported("cudnnSetTensorNdDescriptor: more than 4 dimensions are not emulated");
    return setTensor(*t, type, {size, size + 4}, {stride, stride + 4}, __func__);
}

CUDNN_API cudnnGetTensor4dDescriptor(void* handle, int* type, int* n, int* c, int* h, int* w, int* strideN, int* strideC, int* strideH, int* strideW) {
    Lock lock;
    READY(Tensor, t, handle);
    *type = dnnTypeNumber(t->type);
    int* const sizes[] = {n, c, h, w};
    int* const strides[] = {strideN, strideC, strideH, strideW};
    for (size_t i = 0; i < 4; i++) {
        *sizes[i] = t->size[i];
        *strides[i] = t->stride[i];
    }
    return DnnSuccess;
}

CUDNN_API cudnnGetTensorSizeInBytes(void* handle, size_t* bytes) {
    Lock lock;
    READY(Tensor, t, handle);
    *bytes = t->bytes();
    return DnnSuccess;
}

// ---- filters ----

CUDNN_API cudnnSetFilter4dDescriptor(void* handle, int type, int format, int k, int c, int r, int s) {
    Lock lock;
    DESCRIPTOR(Filter, f, handle);
    if (dnnType(type) == DataType::Unknown || !allPositive({k, c, r, s})) return badParam("cudnnSetFilter4dDescriptor: type %d, sizes %d %d %d %d", type, k, c, r, s);
    if (format != 0 && format != 1) return notSupported("cudnnSetFilter4dDescriptor: format %d is not emulated", format);
    *f = {dnnType(type), format, k, c, r, s};
    return DnnSuccess;
}

CUDNN_API cudnnGetFilter4dDescriptor(void* handle, int* type, int* format, int* k, int* c, int* r, int* s) {
    Lock lock;
    READY(Filter, f, handle);
    *type = dnnTypeNumber(f->type);
    *format = f->format;
    *k = f->k;
    *c = f->c;
    *r = f->r;
    *s = f->s;
    return DnnSuccess;
}

// ---- convolutions ----

CUDNN_API cudnnSetConvolution2dDescriptor(void* handle, int padH, int padW, int strideH, int strideW, int dilationH, int dilationW, int mode, int compute) {
    Lock lock;
    DESCRIPTOR(Convolution, conv, handle);
    bool fits = padH >= 0 && padW >= 0 && allPositive({strideH, strideW, dilationH, dilationW}) && (mode == 0 || mode == 1);
    if (!fits || dnnType(compute) == DataType::Unknown)
        return badParam("cudnnSetConvolution2dDescriptor: pads %d %d, strides %d %d, dilations %d %d, mode %d, compute type %d", padH, padW, strideH, strideW, dilationH, dilationW, mode, compute);
    *conv = {true, padH, padW, strideH, strideW, dilationH, dilationW, mode, conv->groups, conv->math, dnnType(compute)};
    return DnnSuccess;
}

CUDNN_API cudnnSetConvolutionGroupCount(void* handle, int groups) {
    Lock lock;
    DESCRIPTOR(Convolution, conv, handle);
    if (groups < 1) return badParam("cudnnSetConvolutionGroupCount: %d groups", groups);
    conv->groups = groups;
    return DnnSuccess;
}

CUDNN_API cudnnGetConvolutionGroupCount(void* handle, int* groups) {
    Lock lock;
    DESCRIPTOR(Convolution, conv, handle);
    *groups = conv->groups;
    return DnnSuccess;
}

CUDNN_API cudnnSetConvolutionMathType(void* handle, int math) {
    Lock lock;
    DESCRIPTOR(Convolution, conv, handle);
    if (math < 0 || math > 3) return badParam("cudnnSetConvolutionMathType: %d is no math type", math);
    conv->math = math;
    return DnnSuccess;
}

CUDNN_API cudnnGetConvolutionMathType(void* handle, int* math) {
    Lock lock;
    DESCRIPTOR(Convolution, conv, handle);
    *math = conv->math;
    return DnnSuccess;
}

// ---- the rest ----

CUDNN_API cudnnSetPooling2dDescriptor(void* handle, int mode, int nan, int windowH, int windowW, int padH, int padW, int strideH, int strideW) {
    Lock lock;
    DESCRIPTOR(Pooling, pool, handle);
    bool fits = mode >= 0 && mode <= 3 && allPositive({windowH, windowW, strideH, strideW}) && padH >= 0 && padW >= 0 && padH < windowH && padW < windowW;
    if (!fits) return badParam("cudnnSetPooling2dDescriptor: mode %d, window %d x %d, pads %d %d (less than the window), strides %d %d", mode, windowH, windowW, padH, padW, strideH, strideW);
    *pool = {true, mode, windowH, windowW, padH, padW, strideH, strideW, nan == 1};
    return DnnSuccess;
}

CUDNN_API cudnnSetActivationDescriptor(void* handle, int mode, int nan, double coefficient) {
    Lock lock;
    DESCRIPTOR(Activation, activation, handle);
    if (mode < 0 || mode > 6) return badParam("cudnnSetActivationDescriptor: %d is no activation", mode);
    *activation = {true, nan == 1, mode, coefficient, activation->swishBeta};
    return DnnSuccess;
}

CUDNN_API cudnnSetActivationDescriptorSwishBeta(void* handle, double beta) {
    Lock lock;
    DESCRIPTOR(Activation, activation, handle);
    activation->swishBeta = beta;
    return DnnSuccess;
}

CUDNN_API cudnnSetOpTensorDescriptor(void* handle, int op, int compute, int) {
    Lock lock;
    DESCRIPTOR(OpTensor, desc, handle);
    if (op < 0 || op > 5 || dnnType(compute) == DataType::Unknown) return badParam("cudnnSetOpTensorDescriptor: operation %d, compute type %d", op, compute);
    *desc = {true, op, dnnType(compute)};
    return DnnSuccess;
}

CUDNN_API cudnnSetReduceTensorDescriptor(void* handle, int op, int compute, int, int indices, int) {
    Lock lock;
    DESCRIPTOR(ReduceTensor, desc, handle);
    if (op < 0 || op > 8 || dnnType(compute) == DataType::Unknown) return badParam("cudnnSetReduceTensorDescriptor: operation %d, compute type %d", op, compute);
    if (indices != 0) return notSupported("cudnnSetReduceTensorDescriptor: indices are not emulated");
    *desc = {true, op, indices, dnnType(compute)};
    return DnnSuccess;
}
