// Pooling by maximum and average.
#include <algorithm>
#include <cmath>
#include <limits>

#include "Descriptors.h"

namespace {

enum PoolingMode { MaxPooling = 0, AverageIncludingPadding = 1, AverageExcludingPadding = 2, MaxDeterministic = 3 };

int outputLength(int in, int pad, int window, int stride) { return 1 + (in + 2 * pad - window) / stride; }

std::vector<int> outputSize(const Pooling& p, const Tensor& x) {
    return {x.n(), x.c(), outputLength(x.h(), p.padH, p.windowH, p.strideH), outputLength(x.w(), p.padW, p.windowW, p.strideW)};
}

// The part of a window that lies in the image, and the number that an average is divided by.
struct Window {
    int top, bottom, left, right;
    double divisor;
};

Window windowAt(const Pooling& p, const Tensor& x, int i, int j) {
    int top = i * p.strideH - p.padH, left = j * p.strideW - p.padW;
    Window w{std::max(top, 0), std::min(top + p.windowH, x.h()), std::max(left, 0), std::min(left + p.windowW, x.w()), 0};
    w.divisor = p.mode == AverageIncludingPadding ? p.windowH * p.windowW : (w.bottom - w.top) * (w.right - w.left);
    return w;
}

bool isMax(const Pooling& p) { return p.mode == MaxPooling || p.mode == MaxDeterministic; }

// The place of the maximum: the first one, row by row.
std::pair<int, int> placeOfMaximum(const Pooling& p, const View& x, int n, int c, const Window& w) {
    std::pair<int, int> best{w.top, w.left};
    double most = -std::numeric_limits<double>::infinity();
    for (int h = w.top; h < w.bottom; h++)
        for (int v = w.left; v < w.right; v++) {
            double value = x.get(n, c, h, v);
            if (value > most || (p.propagatesNan && std::isnan(value) && !std::isnan(most))) {
                most = value;
                best = {h, v};
            }
        }
    return best;
}

double poolOne(const Pooling& p, const View& x, int n, int c, const Window& w) {
    if (isMax(p)) {
        auto [h, v] = placeOfMaximum(p, x, n, c, w);
        return x.get(n, c, h, v);
    }
    double sum = 0;
    for (int h = w.top; h < w.bottom; h++)
        for (int v = w.left; v < w.right; v++) sum += x.get(n, c, h, v);
    return sum / w.divisor;
}

int checkPooling(const Pooling& p, const Tensor& x, const Tensor& y, const char* caller) {
    std::vector<int> size = outputSize(p, x);
    if (y.size != size || y.type != x.type) return badParam("%s: y is %s for x of %s; must be %dx%dx%dx%d", caller, y.text().c_str(), x.text().c_str(), size[0], size[1], size[2], size[3]);
    return DnnSuccess;
}

}  // namespace

CUDNN_API cudnnGetPooling2dForwardOutputDim(void* poolHandle, void* xHandle, int* n, int* c, int* h, int* w) {
    Lock lock;
    READY(Pooling, pool, poolHandle);
    READY(Tensor, x, xHandle);
    std::vector<int> size = outputSize(*pool, *x);
    *n = size[0];
    *c = size[1];
    *h = size[2];
    *w = size[3];
    return DnnSuccess;
}

CUDNN_API cudnnPoolingForward(void* handle, void* poolHandle, const void* alpha, void* xDesc, const void* x, const void* beta, void* yDesc, void* y) {
    DNN_HANDLE(dnn, handle);
    READY(Pooling, pool, poolHandle);
    READY(Tensor, in, xDesc);
    READY(Tensor, out, yDesc);
    Blend blend;
    if (int status = checkPooling(*pool, *in, *out, __func__)) return status;
    if (!readBlend(alpha, beta, in->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*in, x, "x").write(*out, y, "y", blend.beta);
    return queueDnn(*dnn, buffers, [=, pool = *pool, in = *in, out = *out] {
        View xs{&in, addressOf(x)}, ys{&out, addressOf(y)};
        eachElement(out, [&](int n, int c, int i, int j) { blend.store(ys, ys.at(n, c, i, j), poolOne(pool, xs, n, c, windowAt(pool, in, i, j))); });
    });
}

CUDNN_API cudnnPoolingBackward(void* handle, void* poolHandle, const void* alpha, void* yDesc, const void* y, void* dyDesc, const void* dy, void* xDesc, const void* x, const void* beta,
                               void* dxDesc, void* dx) {
    DNN_HANDLE(dnn, handle);
    READY(Pooling, pool, poolHandle);
    READY(Tensor, yTensor, yDesc);
    READY(Tensor, dyTensor, dyDesc);
    READY(Tensor, xTensor, xDesc);
    READY(Tensor, dxTensor, dxDesc);
    Blend blend;
    if (int status = checkPooling(*pool, *xTensor, *yTensor, __func__)) return status;
    bool fits = sameSize(*yTensor, *dyTensor) && sameSize(*xTensor, *dxTensor) && dyTensor->type == yTensor->type && dxTensor->type == xTensor->type;
    if (!fits) return badParam("%s: dy is %s for y of %s, dx %s for x of %s", __func__, dyTensor->text().c_str(), yTensor->text().c_str(), dxTensor->text().c_str(),
                               xTensor->text().c_str());
    if (!readBlend(alpha, beta, xTensor->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*yTensor, y, "y").read(*dyTensor, dy, "dy").read(*xTensor, x, "x").write(*dxTensor, dx, "dx", blend.beta);
    return queueDnn(*dnn, buffers, [=, pool = *pool, dyTensor = *dyTensor, xTensor = *xTensor, dxTensor = *dxTensor] {
        View xs{&xTensor, addressOf(x)}, dys{&dyTensor, addressOf(dy)}, dxs{&dxTensor, addressOf(dx)};
        std::vector<double> sums(static_cast<size_t>(dxTensor.span()));
        eachElement(dyTensor, [&](int n, int c, int i, int j) {
            Window w = windowAt(pool, xTensor, i, j);
            double gradient = dys.get(n, c, i, j);
            if (isMax(pool)) {
                auto [h, v] = placeOfMaximum(pool, xs, n, c, w);
                sums[static_cast<size_t>(dxs.at(n, c, h, v))] += gradient;
                return;
            }
            for (int h = w.top; h < w.bottom; h++)
                for (int v = w.left; v < w.right; v++) sums[static_cast<size_t>(dxs.at(n, c, h, v))] += gradient / w.divisor;
        });
        eachElement(dxTensor, [&](int n, int c, int h, int w) { blend.store(dxs, dxs.at(n, c, h, w), sums[static_cast<size_t>(dxs.at(n, c, h, w))]); });
    });
}
