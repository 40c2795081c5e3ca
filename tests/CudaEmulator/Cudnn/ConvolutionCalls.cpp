// Convolution forward, backward, and with bias and activation.
#include "Convolve.h"

namespace {

uint64_t filterBytes(const Filter& f) { return static_cast<uint64_t>(f.count()) * sizeOf(f.type); }

// A tensor of 1 x C x 1 x 1, as biases and statistics are.
bool isPerChannel(const Tensor& t, int channels) { return t.size == std::vector<int>{1, channels, 1, 1}; }

}  // namespace

CUDNN_API cudnnConvolutionForward(void* handle, const void* alpha, void* xDesc, const void* x, void* filterDesc, const void* filter, void* conv, int algorithm, void* workspace,
                                  size_t bytes, const void* beta, void* yDesc, void* y) {
    DNN_HANDLE(dnn, handle);
    ConvolutionProblem p;
    Blend blend;
    if (int status = describeConvolution(p, xDesc, filterDesc, conv, yDesc, __func__)) return status;
    if (int status = checkAlgorithm(p, Direction::Forward, algorithm, __func__)) return status;
    if (!readBlend(alpha, beta, p.x.type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(p.x, x, "x").bytes(filterBytes(p.filter), filter, false, "the filter").write(p.y, y, "y", blend.beta);
    buffers.scratch(workspaceBytes(p, Direction::Forward, algorithm, p.conv.math), workspace, bytes);
    return queueDnn(*dnn, buffers, [=] { storeTensor(p.y, addressOf(y), convolve(p, Direction::Forward, addressOf(x), addressOf(filter), 0), blend); });
}

CUDNN_API cudnnConvolutionBackwardData(void* handle, const void* alpha, void* filterDesc, const void* filter, void* dyDesc, const void* dy, void* conv, int algorithm,
                                       void* workspace, size_t bytes, const void* beta, void* dxDesc, void* dx) {
    DNN_HANDLE(dnn, handle);
    ConvolutionProblem p;
    Blend blend;
    if (int status = describeConvolution(p, dxDesc, filterDesc, conv, dyDesc, __func__)) return status;
    if (int status = checkAlgorithm(p, Direction::Data, algorithm, __func__)) return status;
    if (!readBlend(alpha, beta, p.x.type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.bytes(filterBytes(p.filter), filter, false, "the filter").read(p.y, dy, "dy").write(p.x, dx, "dx", blend.beta);
    buffers.scratch(workspaceBytes(p, Direction::Data, algorithm, p.conv.math), workspace, bytes);
    return queueDnn(*dnn, buffers, [=] { storeTensor(p.x, addressOf(dx), convolve(p, Direction::Data, 0, addressOf(filter), addressOf(dy)), blend); });
}

CUDNN_API cudnnConvolutionBackwardFilter(void* handle, const void* alpha, void* xDesc, const void* x, void* dyDesc, const void* dy, void* conv, int algorithm, void* workspace,
                                         size_t bytes, const void* beta, void* filterDesc, void* dw) {
    DNN_HANDLE(dnn, handle);
    ConvolutionProblem p;
    Blend blend;
    if (int status = describeConvolution(p, xDesc, filterDesc, conv, dyDesc, __func__)) return status;
    if (int status = checkAlgorithm(p, Direction::Filter, algorithm, __func__)) return status;
    if (!readBlend(alpha, beta, p.x.type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(p.x, x, "x").read(p.y, dy, "dy");
    if (blend.beta != 0) buffers.bytes(filterBytes(p.filter), dw, false, "dw");
    buffers.bytes(filterBytes(p.filter), dw, true, "dw");
    buffers.scratch(workspaceBytes(p, Direction::Filter, algorithm, p.conv.math), workspace, bytes);
    return queueDnn(*dnn, buffers, [=] { storeFilter(p.filter, addressOf(dw), convolve(p, Direction::Filter, addressOf(x), 0, addressOf(dy)), blend); });
}

// db = alpha (sum of dy over N, H, W) + beta db
CUDNN_API cudnnConvolutionBackwardBias(void* handle, const void* alpha, void* dyDesc, const void* dy, const void* beta, void* dbDesc, void* db) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, in, dyDesc);
    READY(Tensor, out, dbDesc);
    Blend blend;
    if (!isPerChannel(*out, in->c()) || out->type != in->type) return badParam("cudnnConvolutionBackwardBias: db is %s for dy of %s", out->text().c_str(), in->text().c_str());
    if (!readBlend(alpha, beta, in->type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(*in, dy, "dy").write(*out, db, "db", blend.beta);
    return queueDnn(*dnn, buffers, [=, in = *in, out = *out] {
        std::vector<double> sums(static_cast<size_t>(in.c()));
        View source{&in, addressOf(dy)};
        eachElement(in, [&](int n, int c, int h, int w) { sums[static_cast<size_t>(c)] += source.get(n, c, h, w); });
        storeTensor(out, addressOf(db), sums, blend);
    });
}

// y = act(alpha1 conv(x) + alpha2 z + bias)
CUDNN_API cudnnConvolutionBiasActivationForward(void* handle, const void* alpha1, void* xDesc, const void* x, void* filterDesc, const void* filter, void* conv, int algorithm,
                                                void* workspace, size_t bytes, const void* alpha2, void* zDesc, const void* z, void* biasDesc, const void* bias, void* activationDesc,
                                                void* yDesc, void* y) {
    DNN_HANDLE(dnn, handle);
    READY(Tensor, zTensor, zDesc);
    READY(Tensor, biasTensor, biasDesc);
    READY(Activation, activation, activationDesc);
    enum { Relu = 1, Identity = 5, PrecomputedGemm = 1 };
    ConvolutionProblem p;
    Blend blend;
    if (int status = describeConvolution(p, xDesc, filterDesc, conv, yDesc, __func__)) return status;
    if (int status = checkAlgorithm(p, Direction::Forward, algorithm, __func__)) return status;
    if (activation->mode != Relu && activation->mode != Identity) return notSupported("%s: activation %d; ReLU (1) and identity (5) are what there is", __func__, activation->mode);
    if (activation->mode == Identity && algorithm != PrecomputedGemm) return notSupported("%s: identity goes with algorithm 1 alone, got %d", __func__, algorithm);
    if (activation->mode == Relu && activation->propagatesNan) return notSupported("%s: ReLU wants CUDNN_NOT_PROPAGATE_NAN", __func__);
    if (!isPerChannel(*biasTensor, p.y.c()) || biasTensor->type != p.y.type) return badParam("%s: the bias is %s for y of %s", __func__, biasTensor->text().c_str(), p.y.text().c_str());
    if (!sameSize(*zTensor, p.y) || zTensor->type != p.y.type || zTensor->stride != p.y.stride) return badParam("%s: z is %s, y %s", __func__, zTensor->text().c_str(), p.y.text().c_str());
    if (!readBlend(alpha1, alpha2, p.x.type, blend, __func__)) return DnnBadParam;
    Buffers buffers(__func__);
    buffers.read(p.x, x, "x").bytes(filterBytes(p.filter), filter, false, "the filter").read(*biasTensor, bias, "bias");
    // z is asked for even if its factor is 0; then it is not read.
    if (blend.beta != 0) buffers.read(*zTensor, z, "z");
    else if (!checkRange(addressOf(z), zTensor->bytes(), "cudnnConvolutionBiasActivationForward, z (wanted even for alpha2 = 0; pass y)")) return DnnBadParam;
    buffers.write(p.y, y, "y").scratch(workspaceBytes(p, Direction::Forward, algorithm, p.conv.math), workspace, bytes);
    bool relu = activation->mode == Relu;
    return queueDnn(*dnn, buffers, [=, biasTensor = *biasTensor] {
        std::vector<double> sums = convolve(p, Direction::Forward, addressOf(x), addressOf(filter), 0);
        View zView{&p.y, addressOf(z)}, yView{&p.y, addressOf(y)}, biasView{&biasTensor, addressOf(bias)};
        size_t i = 0;
        for (int n = 0; n < p.y.n(); n++)
            for (int h = 0; h < p.y.h(); h++)
                for (int w = 0; w < p.y.w(); w++)
                    for (int c = 0; c < p.y.c(); c++) {
                        double value = blend.alpha * sums[i++] + biasView.get(0, c, 0, 0);
                        if (blend.beta != 0) value += blend.beta * zView.get(n, c, h, w);
                        yView.set(yView.at(n, c, h, w), relu && !(value > 0) ? 0 : value);
                    }
    });
}
