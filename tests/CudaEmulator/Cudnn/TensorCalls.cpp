// Sums, pointwise operations and reductions of tensors.
#include <algorithm>
#include <cmath>
#include <limits>

#include "Descriptors.h"

namespace {

// True if `small` has, in each dimension, the size of `large` or 1.
bool broadcasts(const Tensor& small, const Tensor& large) {
    for (size_t i = 0; i < 4; i++)
        if (small.size[i] != large.size[i] && small.size[i] != 1) return false;
    return true;
}

// The element of a broadcast tensor that stands for (n, c, h, w).
int64_t broadcastAt(const View& v, int n, int c, int h, int w) {
    const std::vector<int>& s = v.tensor->size;
    return v.at(s[0] == 1 ? 0 : n, s[1] == 1 ? 0 : c, s[2] == 1 ? 0 : h, s[3] == 1 ? 0 : w);
}

enum Operation { Add = 0, Multiply = 1, Minimum = 2, Maximum = 3, SquareRoot = 4, Not = 5 };

double apply(int op, double a, double b) {
    switch (op) {
        case Add: return a + b;
        case Multiply: return a * b;
        case Minimum: return std::min(a, b);
        case Maximum: return std::max(a, b);
        case SquareRoot: return std::sqrt(a);
        default: return 1 - a;
    }
}

enum Reduction { Sum = 0, Product = 1, Min = 2, Max = 3, AbsoluteMax = 4, Average = 5, Norm1 = 6, Norm2 = 7, ProductNoZeros = 8 };

double initial(int op) {
    switch (op) {
        case Product: case ProductNoZeros: return 1;
        case Min: return std::numeric_limits<double>::infinity();
        case Max: return -std::numeric_limits<double>::infinity();
        default: return 0;
    }
}

double accumulate(int op, double sum, double value) {
    switch (op) {
        case Product: return sum * value;
        case ProductNoZeros: return value == 0 ? sum : sum * value;
        case Min: return std::min(sum, value);
        case Max: return std::max(sum, value);
        case AbsoluteMax: return std::max(sum, std::fabs(value));
        case Norm1: return sum + std::fabs(value);
        case Norm2: return sum + value * value;
        default: return sum + value;
    }
}

// More than a number of the output each, as real libraries ask for.
size_t reductionWorkspace(const Tensor& a, const Tensor& c) { return a.count() == c.count() ? 0 : static_cast<size_t>(c.count()) * 8 + 1072; }

}  // namespace

// C = alpha A + beta C, where A may have sizes of 1.
CUDNN_API cudnnAddTensor(void* handle, const void* alpha, void* aDesc, const void* a, const void* beta, void* cDesc, void* c) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, in, aDesc);
    READY(Tensor, out, cDesc);
    Blend blend;
    if (!broadcasts(*in, *out) || in->type != out->type) return badParam("cudnnAddTensor: A is %s, C %s; sizes of A are those of C or 1", in->text().c_str(), out->text().c_str());
    if (!readBlend(alpha, beta, in->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*in, a, "A").write(*out, c, "C", blend.beta);
    return queueDnn(*dnn, buffers, [=, in = *in, out = *out] {
        View source{&in, addressOf(a)}, target{&out, addressOf(c)};
        eachElement(out, [&](int n, int ch, int h, int w) { blend.store(target, target.at(n, ch, h, w), source.get(broadcastAt(source, n, ch, h, w))); });
    });
}

// C = op(alpha1 A, alpha2 B) + beta C, where B may have sizes of 1.
CUDNN_API cudnnOpTensor(void* handle, void* opHandle, const void* alpha1, void* aDesc, const void* a, const void* alpha2, void* bDesc, const void* b, const void* beta, void* cDesc,
                        void* c) {
    DNN_HANDLE(dnn, handle);
    READY(OpTensor, op, opHandle);
    READY(Tensor, aTensor, aDesc);
    READY(Tensor, bTensor, bDesc);
    READY(Tensor, out, cDesc);
    Blend factors, blend;
    bool unary = op->op == SquareRoot || op->op == Not;
    if (!sameSize(*aTensor, *out) || !broadcasts(*bTensor, *out)) return badParam("cudnnOpTensor: A is %s, B %s, C %s", aTensor->text().c_str(), bTensor->text().c_str(), out->text().c_str());
    if (!readBlend(alpha1, alpha2, op->compute, factors, __func__) || !readBlend(alpha1, beta, op->compute, blend, __func__)) return DnnBadParam;
    blend.alpha = 1;
    Buffers buffers(__func__);
    buffers.read(*aTensor, a, "A");
    if (!unary) buffers.read(*bTensor, b, "B");
    buffers.write(*out, c, "C", blend.beta);
    return queueDnn(*dnn, buffers, [=, op = op->op, aTensor = *aTensor, bTensor = *bTensor, out = *out] {
        View as{&aTensor, addressOf(a)}, bs{&bTensor, addressOf(b)}, target{&out, addressOf(c)};
        eachElement(out, [&](int n, int ch, int h, int w) {
            double right = unary ? 0 : factors.beta * bs.get(broadcastAt(bs, n, ch, h, w));
            blend.store(target, target.at(n, ch, h, w), apply(op, factors.alpha * as.get(n, ch, h, w), right));
        });
    });
}

CUDNN_API cudnnGetReductionWorkspaceSize(void* handle, void* reduceHandle, void* aHandle, void* cHandle, size_t* bytes) {
    DNN_HANDLE(dnn, handle);
    READY(ReduceTensor, reduce, reduceHandle);
    READY(Tensor, a, aHandle);
    READY(Tensor, c, cHandle);
    *bytes = reductionWorkspace(*a, *c);
    return DnnSuccess;
}

CUDNN_API cudnnGetReductionIndicesSize(void* handle, void* reduceHandle, void*, void*, size_t* bytes) {
    DNN_HANDLE(dnn, handle);
    READY(ReduceTensor, reduce, reduceHandle);
    *bytes = 0;
    return DnnSuccess;
}

// C = alpha reduce(A) + beta C over the dimensions in which C has size 1.
CUDNN_API cudnnReduceTensor(void* handle, void* reduceHandle, void*, size_t, void* workspace, size_t bytes, const void* alpha, void* aDesc, const void* a, const void* beta, void* cDesc,
                            void* c) {
    DNN_HANDLE(dnn, handle);
    READY(ReduceTensor, reduce, reduceHandle);
    READY(Tensor, in, aDesc);
    READY(Tensor, out, cDesc);
    Blend blend;
    if (!broadcasts(*out, *in) || in->type != out->type) return badParam("cudnnReduceTensor: from %s to %s; sizes of the result are those of A or 1", in->text().c_str(), out->text().c_str());
    if (in->type != DataType::Double && reduce->compute != DataType::Float) return badParam("cudnnReduceTensor: %s wants compute type float", nameOf(in->type));
    if (!readBlend(alpha, beta, in->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*in, a, "A").write(*out, c, "C", blend.beta).scratch(reductionWorkspace(*in, *out), workspace, bytes);
    return queueDnn(*dnn, buffers, [=, op = reduce->op, in = *in, out = *out] {
        View source{&in, addressOf(a)}, target{&out, addressOf(c)};
        std::vector<double> sums(static_cast<size_t>(out.span()), initial(op));
        eachElement(in, [&](int n, int ch, int h, int w) {
            double& sum = sums[static_cast<size_t>(broadcastAt(target, n, ch, h, w))];
            sum = accumulate(op, sum, source.get(n, ch, h, w));
        });
        double each = static_cast<double>(in.count()) / static_cast<double>(out.count());
        eachElement(out, [&](int n, int ch, int h, int w) {
            int64_t i = target.at(n, ch, h, w);
            double sum = sums[static_cast<size_t>(i)];
            blend.store(target, i, op == Average ? sum / each : op == Norm2 ? std::sqrt(sum) : sum);
        });
    });
}

// y = alpha y
CUDNN_API cudnnScaleTensor(void* handle, void* yDesc, void* y, const void* alpha) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, tensor, yDesc);
    Blend blend;
    if (!readBlend(alpha, alpha, tensor->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.write(*tensor, y, "y", 1);
    return queueDnn(*dnn, buffers, [=, tensor = *tensor] {
        View view{&tensor, addressOf(y)};
        eachElement(tensor, [&](int n, int c, int h, int w) { view.set(view.at(n, c, h, w), blend.alpha * view.get(n, c, h, w)); });
    });
}

// y = alpha x + beta y between layouts.
CUDNN_API cudnnTransformTensor(void* handle, const void* alpha, void* xDesc, const void* x, const void* beta, void* yDesc, void* y) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, in, xDesc);
    READY(Tensor, out, yDesc);
    Blend blend;
    if (!sameSize(*in, *out)) return badParam("cudnnTransformTensor: x is %s, y %s", in->text().c_str(), out->text().c_str());
    if (!readBlend(alpha, beta, in->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*in, x, "x").write(*out, y, "y", blend.beta);
    return queueDnn(*dnn, buffers, [=, in = *in, out = *out] {
        View source{&in, addressOf(x)}, target{&out, addressOf(y)};
        eachElement(in, [&](int n, int c, int h, int w) { blend.store(target, target.at(n, c, h, w), source.get(n, c, h, w)); });
    });
}
