// Batch normalisation. Normalisation uses the biased variance of the batch, the running variance the unbiased one; what is saved
// for backward is the inverse standard deviation.
#include <cmath>

#include "Descriptors.h"

namespace {

enum NormalizationMode { PerActivation = 0, Spatial = 1, SpatialPersistent = 2 };

std::vector<int> statisticsSize(const Tensor& x, int mode) {
    return mode == PerActivation ? std::vector<int>{1, x.c(), x.h(), x.w()} : std::vector<int>{1, x.c(), 1, 1};
}

DataType statisticsType(const Tensor& x) { return x.type == DataType::Double ? DataType::Double : DataType::Float; }

// Statistics as plain arrays: which of them an element of x belongs to.
struct Groups {
    int channels, height, width, mode;
    size_t of(int c, int h, int w) const { return static_cast<size_t>(mode == PerActivation ? (c * height + h) * width + w : c); }
    size_t count() const { return static_cast<size_t>(mode == PerActivation ? channels * height * width : channels); }
};

Groups groupsOf(const Tensor& x, int mode) { return {x.c(), x.h(), x.w(), mode}; }

int checkNormalization(int mode, const Tensor& x, const Tensor& y, const Tensor& statistics, double epsilon, const char* caller) {
    if (mode < 0 || mode > 2) return badParam("%s: mode %d", caller, mode);
    if (!sameSize(x, y) || x.type != y.type) return badParam("%s: x is %s, y %s", caller, x.text().c_str(), y.text().c_str());
    if (statistics.size != statisticsSize(x, mode) || statistics.type != statisticsType(x) || !statistics.isPacked())
        return badParam("%s: scale, bias and statistics are %s for x of %s (use cudnnDeriveBNTensorDescriptor)", caller, statistics.text().c_str(), x.text().c_str());
    if (!(epsilon >= 0)) return badParam("%s: epsilon %g", caller, epsilon);
    return DnnSuccess;
}

struct Moments {
    std::vector<double> mean, variance;  // biased
    double count;                        // elements a group
};

Moments momentsOf(const Tensor& x, const View& view, const Groups& groups) {
    Moments m{std::vector<double>(groups.count()), std::vector<double>(groups.count()), static_cast<double>(x.count()) / static_cast<double>(groups.count())};
    eachElement(x, [&](int n, int c, int h, int w) { m.mean[groups.of(c, h, w)] += view.get(n, c, h, w) / m.count; });
    eachElement(x, [&](int n, int c, int h, int w) {
        double d = view.get(n, c, h, w) - m.mean[groups.of(c, h, w)];
        m.variance[groups.of(c, h, w)] += d * d / m.count;
    });
    return m;
}

}  // namespace

CUDNN_API cudnnDeriveBNTensorDescriptor(void* derivedHandle, void* xHandle, int mode) {
    Lock lock;
    DESCRIPTOR(Tensor, derived, derivedHandle);
    READY(Tensor, x, xHandle);
    if (mode < 0 || mode > 2) return badParam("cudnnDeriveBNTensorDescriptor: mode %d", mode);
    std::vector<int> size = statisticsSize(*x, mode);
    *derived = {statisticsType(*x), size, {size[1] * size[2] * size[3], size[2] * size[3], size[3], 1}};
    return DnnSuccess;
}

CUDNN_API cudnnBatchNormalizationForwardTraining(void* handle, int mode, const void* alpha, const void* beta, void* xDesc, const void* x, void* yDesc, void* y, void* statisticsDesc,
                                                 const void* scale, const void* bias, double factor, void* runningMean, void* runningVariance, double epsilon, void* savedMean,
                                                 void* savedInverse) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, in, xDesc);
    READY(Tensor, out, yDesc);
    READY(Tensor, statistics, statisticsDesc);
    Blend blend;
    if (int status = checkNormalization(mode, *in, *out, *statistics, epsilon, __func__)) return status;
    if ((runningMean == nullptr) != (runningVariance == nullptr) || (savedMean == nullptr) != (savedInverse == nullptr))
        return badParam("%s: running mean and variance come both or not at all, and so do the saved ones", __func__);
    if (!readBlend(alpha, beta, in->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*in, x, "x").read(*statistics, scale, "scale").read(*statistics, bias, "bias").write(*out, y, "y", blend.beta);
    // With a factor of 1, what the running statistics held is not read.
    double keeps = factor == 1 ? 0 : 1;
    if (runningMean) buffers.write(*statistics, runningMean, "running mean", keeps).write(*statistics, runningVariance, "running variance", keeps);
    if (savedMean) buffers.write(*statistics, savedMean, "saved mean").write(*statistics, savedInverse, "saved inverse deviation");
    return queueDnn(*dnn, buffers, [=, in = *in, out = *out, type = statistics->type] {
        View xs{&in, addressOf(x)}, ys{&out, addressOf(y)};
        Groups groups = groupsOf(in, mode);
        Moments m = momentsOf(in, xs, groups);
        std::vector<double> inverse(groups.count());
        for (size_t g = 0; g < groups.count(); g++) {
            inverse[g] = 1 / std::sqrt(m.variance[g] + epsilon);
            auto blendInto = [&](void* running, double value) {
                double before = factor == 1 ? 0 : loadElement(addressOf(running), type, g) * (1 - factor);
                storeElement(addressOf(running), type, g, before + value * factor);
            };
            if (runningMean) blendInto(runningMean, m.mean[g]);
            if (runningVariance) blendInto(runningVariance, m.variance[g] * m.count / (m.count - 1));
            if (savedMean) storeElement(addressOf(savedMean), type, g, m.mean[g]);
            if (savedInverse) storeElement(addressOf(savedInverse), type, g, inverse[g]);
        }
        eachElement(in, [&](int n, int c, int h, int w) {
            size_t g = groups.of(c, h, w);
            double value = (xs.get(n, c, h, w) - m.mean[g]) * inverse[g] * loadElement(addressOf(scale), type, g) + loadElement(addressOf(bias), type, g);
            blend.store(ys, ys.at(n, c, h, w), value);
        });
    });
}

CUDNN_API cudnnBatchNormalizationForwardInference(void* handle, int mode, const void* alpha, const void* beta, void* xDesc, const void* x, void* yDesc, void* y, void* statisticsDesc,
                                                  const void* scale, const void* bias, const void* mean, const void* variance, double epsilon) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, in, xDesc);
    READY(Tensor, out, yDesc);
    READY(Tensor, statistics, statisticsDesc);
    Blend blend;
    if (int status = checkNormalization(mode, *in, *out, *statistics, epsilon, __func__)) return status;
    if (!readBlend(alpha, beta, in->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*in, x, "x").read(*statistics, scale, "scale").read(*statistics, bias, "bias").read(*statistics, mean, "mean").read(*statistics, variance, "variance");
    buffers.write(*out, y, "y", blend.beta);
    return queueDnn(*dnn, buffers, [=, in = *in, out = *out, type = statistics->type] {
        View xs{&in, addressOf(x)}, ys{&out, addressOf(y)};
        Groups groups = groupsOf(in, mode);
        auto at = [&](const void* array, size_t g) { return loadElement(addressOf(array), type, g); };
        eachElement(in, [&](int n, int c, int h, int w) {
            size_t g = groups.of(c, h, w);
            blend.store(ys, ys.at(n, c, h, w), (xs.get(n, c, h, w) - at(mean, g)) / std::sqrt(at(variance, g) + epsilon) * at(scale, g) + at(bias, g));
        });
    });
}

// dx = scale inverse (dy - mean(dy) - xhat mean(dy xhat)); without saved statistics they are computed anew.
CUDNN_API cudnnBatchNormalizationBackward(void* handle, int mode, const void* alphaData, const void* betaData, const void* alphaParameter, const void* betaParameter, void* xDesc,
                                          const void* x, void* dyDesc, const void* dy, void* dxDesc, void* dx, void* statisticsDesc, const void* scale, void* dScale, void* dBias,
                                          double epsilon, const void* savedMean, const void* savedInverse) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, xTensor, xDesc);
    READY(Tensor, dyTensor, dyDesc);
    READY(Tensor, dxTensor, dxDesc);
    READY(Tensor, statistics, statisticsDesc);
    Blend data, parameter;
    if (int status = checkNormalization(mode, *xTensor, *dxTensor, *statistics, epsilon, __func__)) return status;
    if (!sameSize(*xTensor, *dyTensor) || xTensor->type != dyTensor->type) return badParam("%s: dy is %s for x of %s", __func__, dyTensor->text().c_str(), xTensor->text().c_str());
    if ((savedMean == nullptr) != (savedInverse == nullptr)) return badParam("%s: saved mean and inverse deviation come both or not at all", __func__);
    if (!readBlend(alphaData, betaData, xTensor->type, data, __func__) || !readBlend(alphaParameter, betaParameter, xTensor->type, parameter, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*xTensor, x, "x").read(*dyTensor, dy, "dy").read(*statistics, scale, "scale");
    if (savedMean) buffers.read(*statistics, savedMean, "saved mean").read(*statistics, savedInverse, "saved inverse deviation");
    buffers.write(*dxTensor, dx, "dx", data.beta).write(*statistics, dScale, "scale's gradient", parameter.beta).write(*statistics, dBias, "bias's gradient", parameter.beta);
    return queueDnn(*dnn, buffers, [=, xTensor = *xTensor, dyTensor = *dyTensor, dxTensor = *dxTensor, statistics = *statistics] {
        View xs{&xTensor, addressOf(x)}, dys{&dyTensor, addressOf(dy)}, dxs{&dxTensor, addressOf(dx)};
        Groups groups = groupsOf(xTensor, mode);
        Moments m = momentsOf(xTensor, xs, groups);
        auto at = [&](const void* array, size_t g) { return loadElement(addressOf(array), statistics.type, g); };
        std::vector<double> inverse(groups.count()), sumDy(groups.count()), sumDyXhat(groups.count());
        for (size_t g = 0; g < groups.count(); g++) {
            inverse[g] = savedInverse ? at(savedInverse, g) : 1 / std::sqrt(m.variance[g] + epsilon);
            if (savedMean) m.mean[g] = at(savedMean, g);
        }
        auto xhat = [&](int n, int c, int h, int w) { return (xs.get(n, c, h, w) - m.mean[groups.of(c, h, w)]) * inverse[groups.of(c, h, w)]; };
        eachElement(xTensor, [&](int n, int c, int h, int w) {
            sumDy[groups.of(c, h, w)] += dys.get(n, c, h, w);
            sumDyXhat[groups.of(c, h, w)] += dys.get(n, c, h, w) * xhat(n, c, h, w);
        });
        eachElement(xTensor, [&](int n, int c, int h, int w) {
            size_t g = groups.of(c, h, w);
            double value = at(scale, g) * inverse[g] * (dys.get(n, c, h, w) - sumDy[g] / m.count - xhat(n, c, h, w) * sumDyXhat[g] / m.count);
            data.store(dxs, dxs.at(n, c, h, w), value);
        });
        View dScales{&statistics, addressOf(dScale)}, dBiases{&statistics, addressOf(dBias)};
        for (size_t g = 0; g < groups.count(); g++) {
            parameter.store(dScales, static_cast<int64_t>(g), sumDyXhat[g]);
            parameter.store(dBiases, static_cast<int64_t>(g), sumDy[g]);
        }
    });
}
