// Activations and softmax.
#include <algorithm>
#include <array>
#include <cmath>

#include "Descriptors.h"

namespace {

enum ActivationMode { Sigmoid = 0, Relu = 1, Tanh = 2, ClippedRelu = 3, Elu = 4, Identity = 5, Swish = 6 };

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

double forward(const Activation& a, double x) {
    switch (a.mode) {
        case Sigmoid: return sigmoid(x);
        case Relu: return std::isnan(x) ? (a.propagatesNan ? x : 0) : std::max(x, 0.0);
        case Tanh: return std::tanh(x);
        case ClippedRelu: return std::min(std::max(x, 0.0), a.coefficient);
        case Elu: return x > 0 ? x : a.coefficient * (std::exp(x) - 1);
        default: return x * sigmoid(a.swishBeta * x);
    }
}

double derivative(const Activation& a, double x, double y) {
    switch (a.mode) {
        case Sigmoid: return y * (1 - y);
        case Relu: return x > 0 ? 1 : 0;
        case Tanh: return 1 - y * y;
        case ClippedRelu: return x > 0 && x < a.coefficient ? 1 : 0;
        case Elu: return x > 0 ? 1 : y + a.coefficient;
        default: return sigmoid(a.swishBeta * x) + a.swishBeta * y * (1 - sigmoid(a.swishBeta * x));
    }
}

// Calls `visit` with the elements of each group that a softmax runs over: the channels of a pixel, or a whole image.
void eachGroup(const Tensor& t, bool byChannel, const std::function<void(const std::vector<std::array<int, 4>>&)>& visit) {
    for (int n = 0; n < t.n(); n++) {
        std::vector<std::array<int, 4>> group;
        for (int h = 0; h < t.h(); h++)
            for (int w = 0; w < t.w(); w++) {
                for (int c = 0; c < t.c(); c++) group.push_back({n, c, h, w});
                if (!byChannel) continue;
                visit(group);
                group.clear();
            }
        if (!byChannel) visit(group);
    }
}

enum SoftmaxAlgorithm { Fast = 0, Accurate = 1, Log = 2 };

bool checkSoftmax(int algorithm, int mode, const Tensor& a, const Tensor& b, const char* caller) {
    if (algorithm >= 0 && algorithm <= 2 && (mode == 0 || mode == 1) && sameSize(a, b) && a.type == b.type) return true;
    finding("%s: algorithm %d, mode %d, tensors of %s and %s", caller, algorithm, mode, a.text().c_str(), b.text().c_str());
    return false;
}

}  // namespace

CUDNN_API cudnnActivationForward(void* handle, void* activationHandle, const void* alpha, void* xDesc, const void* x, const void* beta, void* yDesc, void* y) {
    DNN_HANDLE(dnn, handle);
    READY(Activation, activation, activationHandle);
    READY(Tensor, in, xDesc);
    READY(Tensor, out, yDesc);
    Blend blend;
    if (activation->mode == Identity) return badParam("cudnnActivationForward: identity is for cudnnConvolutionBiasActivationForward alone");
    if (!sameSize(*in, *out) || in->type != out->type) return badParam("cudnnActivationForward: x is %s, y %s", in->text().c_str(), out->text().c_str());
    if (!readBlend(alpha, beta, in->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*in, x, "x").write(*out, y, "y", blend.beta);
    return queueDnn(*dnn, buffers, [=, activation = *activation, in = *in, out = *out] {
        View xs{&in, addressOf(x)}, ys{&out, addressOf(y)};
        eachElement(in, [&](int n, int c, int h, int w) { blend.store(ys, ys.at(n, c, h, w), forward(activation, xs.get(n, c, h, w))); });
    });
}

CUDNN_API cudnnActivationBackward(void* handle, void* activationHandle, const void* alpha, void* yDesc, const void* y, void* dyDesc, const void* dy, void* xDesc, const void* x,
                                  const void* beta, void* dxDesc, void* dx) {
    DNN_HANDLE(dnn, handle);
    READY(Activation, activation, activationHandle);
    READY(Tensor, yTensor, yDesc);
    READY(Tensor, dyTensor, dyDesc);
    READY(Tensor, xTensor, xDesc);
    READY(Tensor, dxTensor, dxDesc);
    Blend blend;
    if (activation->mode == Identity) return badParam("cudnnActivationBackward: identity is for cudnnConvolutionBiasActivationForward alone");
    for (const Tensor* t : {dyTensor.get(), xTensor.get(), dxTensor.get()})
        if (!sameSize(*t, *yTensor) || t->type != yTensor->type) return badParam("cudnnActivationBackward: tensors of %s and %s", t->text().c_str(), yTensor->text().c_str());
    if (!readBlend(alpha, beta, xTensor->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*yTensor, y, "y").read(*dyTensor, dy, "dy").read(*xTensor, x, "x").write(*dxTensor, dx, "dx", blend.beta);
    return queueDnn(*dnn, buffers, [=, activation = *activation, yTensor = *yTensor, dyTensor = *dyTensor, xTensor = *xTensor, dxTensor = *dxTensor] {
        View ys{&yTensor, addressOf(y)}, dys{&dyTensor, addressOf(dy)}, xs{&xTensor, addressOf(x)}, dxs{&dxTensor, addressOf(dx)};
        eachElement(xTensor, [&](int n, int c, int h, int w) {
            blend.store(dxs, dxs.at(n, c, h, w), dys.get(n, c, h, w) * derivative(activation, xs.get(n, c, h, w), ys.get(n, c, h, w)));
        });
    });
}

CUDNN_API cudnnSoftmaxForward(void* handle, int algorithm, int mode, const void* alpha, void* xDesc, const void* x, const void* beta, void* yDesc, void* y) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, in, xDesc);
    READY(Tensor, out, yDesc);
    Blend blend;
    if (!checkSoftmax(algorithm, mode, *in, *out, __func__) || !readBlend(alpha, beta, in->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*in, x, "x").write(*out, y, "y", blend.beta);
    return queueDnn(*dnn, buffers, [=, in = *in, out = *out] {
        View xs{&in, addressOf(x)}, ys{&out, addressOf(y)};
        eachGroup(in, mode == 1, [&](const std::vector<std::array<int, 4>>& group) {
            double most = -INFINITY, sum = 0;
            for (auto [n, c, h, w] : group) most = std::max(most, xs.get(n, c, h, w));
            double shift = algorithm == Fast ? 0 : most;  // without it, exp of large numbers overflows in single precision
            auto exponential = [&](double v) { return algorithm == Fast ? static_cast<double>(std::exp(static_cast<float>(v))) : std::exp(v - shift); };
            for (auto [n, c, h, w] : group) sum += exponential(xs.get(n, c, h, w));
            for (auto [n, c, h, w] : group) {
                double v = xs.get(n, c, h, w);
                blend.store(ys, ys.at(n, c, h, w), algorithm == Log ? v - shift - std::log(sum) : exponential(v) / sum);
            }
        });
    });
}

CUDNN_API cudnnSoftmaxBackward(void* handle, int algorithm, int mode, const void* alpha, void* yDesc, const void* y, void* dyDesc, const void* dy, const void* beta, void* dxDesc,
                               void* dx) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, yTensor, yDesc);
    READY(Tensor, dyTensor, dyDesc);
    READY(Tensor, dxTensor, dxDesc);
    Blend blend;
    if (!checkSoftmax(algorithm, mode, *yTensor, *dyTensor, __func__) || !checkSoftmax(algorithm, mode, *yTensor, *dxTensor, __func__)) return DnnBadParam;
    if (!readBlend(alpha, beta, yTensor->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*yTensor, y, "y").read(*dyTensor, dy, "dy").write(*dxTensor, dx, "dx", blend.beta);
    return queueDnn(*dnn, buffers, [=, yTensor = *yTensor, dyTensor = *dyTensor, dxTensor = *dxTensor] {
        View ys{&yTensor, addressOf(y)}, dys{&dyTensor, addressOf(dy)}, dxs{&dxTensor, addressOf(dx)};
        eachGroup(yTensor, mode == 1, [&](const std::vector<std::array<int, 4>>& group) {
            double sum = 0;
            for (auto [n, c, h, w] : group) sum += dys.get(n, c, h, w) * (algorithm == Log ? 1 : ys.get(n, c, h, w));
            for (auto [n, c, h, w] : group) {
                double yv = ys.get(n, c, h, w), dyv = dys.get(n, c, h, w);
                blend.store(dxs, dxs.at(n, c, h, w), algorithm == Log ? dyv - std::exp(yv) * sum : yv * (dyv - sum));
            }
        });
    });
}
