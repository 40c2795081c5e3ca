#include "Convolve.h"

std::vector<int> outputSize(const Tensor& x, const Filter& f, const Convolution& c) {
    auto length = [](int in, int pad, int filter, int dilation, int stride) { return 1 + (in + 2 * pad - ((filter - 1) * dilation + 1)) / stride; };
    int windowH = (f.r - 1) * c.dilationH + 1, windowW = (f.s - 1) * c.dilationW + 1;
    bool fits = x.h() + 2 * c.padH >= windowH && x.w() + 2 * c.padW >= windowW;
    return {x.n(), f.k, fits ? length(x.h(), c.padH, f.r, c.dilationH, c.strideH) : 0, fits ? length(x.w(), c.padW, f.s, c.dilationW, c.strideW) : 0};
}

int describeConvolution(ConvolutionProblem& p, const void* xHandle, const void* filterHandle, const void* convHandle, const void* yHandle, const char* caller) {
    auto x = handleTo<Tensor>(xHandle, Kind::Tensor, caller);
    auto filter = handleTo<Filter>(filterHandle, Kind::Filter, caller);
    auto conv = handleTo<Convolution>(convHandle, Kind::Convolution, caller);
    auto y = handleTo<Tensor>(yHandle, Kind::Tensor, caller);
    if (!x || !filter || !conv || !y) return DnnBadParam;
    if (!isReady(*x, caller, "x tensor") || !isReady(*filter, caller, "filter") || !isReady(*conv, caller, "convolution") || !isReady(*y, caller, "y tensor")) return DnnBadParam;
    p = {*x, *y, *filter, *conv};
    if (x->c() != filter->c * conv->groups || filter->k % conv->groups != 0)
        return badParam("%s: x has %d channels, the filter takes %d in each of %d groups and makes %d", caller, x->c(), filter->c, conv->groups, filter->k);
    if (x->type != filter->type || x->type != y->type)
        return badParam("%s: x is %s, the filter %s, y %s", caller, nameOf(x->type), nameOf(filter->type), nameOf(y->type));
    std::vector<int> size = outputSize(*x, *filter, *conv);
    if (size[2] < 1 || size[3] < 1) return badParam("%s: the filter of %d x %d is larger than the padded x of %s", caller, filter->r, filter->s, x->text().c_str());
    if (y->size != size) return badParam("%s: y is %s, must be %dx%dx%dx%d", caller, y->text().c_str(), size[0], size[1], size[2], size[3]);
    // A tensor of one channel or one pixel has both layouts.
    auto isOneWay = [](const Tensor& t) { return t.c() > 1 && t.h() * t.w() > 1; };
    bool filterOneWay = filter->c > 1 && filter->r * filter->s > 1;
    if (filterOneWay && isOneWay(*x) && filter->isNhwc() != x->isNhwc())
        return notSupported("%s: the filter is %s, x is %s", caller, filter->isNhwc() ? "NHWC (KRSC)" : "NCHW (KCRS)", x->isNhwc() ? "NHWC" : "NCHW");
    if (isOneWay(*x) && isOneWay(*y) && x->isNhwc() != y->isNhwc()) return notSupported("%s: x and y lie in different orders", caller);
    DataType wanted = x->type == DataType::Double ? DataType::Double : DataType::Float;
    if (x->type == DataType::Int8 || x->type == DataType::Int32) return notSupported("%s: %s is not emulated", caller, nameOf(x->type));
    if (conv->compute != wanted) return badParam("%s: data of %s wants compute type %s, the convolution has %s", caller, nameOf(x->type), nameOf(wanted), nameOf(conv->compute));
    // Seen with 9.14 on an H100: numbers of 16 bits are then turned into float32 and multiplied one by one, ten times slower.
    constexpr int DefaultMath = 0, FmaMath = 3;
    if ((x->type == DataType::Half || x->type == DataType::BFloat16) && (conv->math == DefaultMath || conv->math == FmaMath))
        finding("%s: %s with math type %d leaves the tensor cores idle; set CUDNN_TENSOR_OP_MATH", caller, nameOf(x->type), conv->math);
    return DnnSuccess;
}

namespace {

// Math that lets single precision through tensor cores, which is the default, keeps 10 bits of it.
InputRounding roundingOf(const ConvolutionProblem& p) {
    constexpr int FmaMath = 3;
    return p.x.type == DataType::Float && p.conv.math != FmaMath && settings().computeCapability >= 80 ? InputRounding::Tf32 : InputRounding::None;
}

double rounded(double value, InputRounding rounding) {
    return rounding == InputRounding::None ? value : static_cast<double>(roundInput(static_cast<float>(value), rounding));
}

std::vector<double> denseTensor(const Tensor& t, uint64_t address, InputRounding rounding) {
    std::vector<double> out;
    View view{&t, address};
    for (int n = 0; n < t.n(); n++)
        for (int h = 0; h < t.h(); h++)
            for (int w = 0; w < t.w(); w++)
                for (int c = 0; c < t.c(); c++) out.push_back(rounded(view.get(n, c, h, w), rounding));
    return out;
}

std::vector<double> denseFilter(const Filter& f, uint64_t address, InputRounding rounding) {
    std::vector<double> out;
    for (int k = 0; k < f.k; k++)
        for (int r = 0; r < f.r; r++)
            for (int s = 0; s < f.s; s++)
                for (int c = 0; c < f.c; c++) out.push_back(rounded(loadElement(address, f.type, static_cast<uint64_t>(f.index(k, c, r, s))), rounding));
    return out;
}

}  // namespace

std::vector<double> convolve(const ConvolutionProblem& p, Direction direction, uint64_t xAddress, uint64_t filterAddress, uint64_t yAddress) {
    const Tensor &x = p.x, &y = p.y;
    const Filter& f = p.filter;
    InputRounding rounding = roundingOf(p);
    auto zeros = [](int64_t n) { return std::vector<double>(static_cast<size_t>(n)); };
    std::vector<double> xs = direction == Direction::Data ? zeros(x.count()) : denseTensor(x, xAddress, rounding);
    std::vector<double> fs = direction == Direction::Filter ? zeros(f.count()) : denseFilter(f, filterAddress, rounding);
    std::vector<double> ys = direction == Direction::Forward ? zeros(y.count()) : denseTensor(y, yAddress, rounding);
    int outPerGroup = f.k / p.conv.groups;
    // Each product of an x, a filter element and a y belongs to all three directions; they differ in which two are read.
    for (int n = 0; n < y.n(); n++)
        for (int i = 0; i < y.h(); i++)
            for (int j = 0; j < y.w(); j++)
                for (int r = 0; r < f.r; r++)
                    for (int s = 0; s < f.s; s++) {
                        int h = i * p.conv.strideH - p.conv.padH + r * p.conv.dilationH, w = j * p.conv.strideW - p.conv.padW + s * p.conv.dilationW;
                        if (h < 0 || h >= x.h() || w < 0 || w >= x.w()) continue;
                        bool crossCorrelation = p.conv.mode == 1;  // a convolution proper turns the filter by half a turn
                        int rf = crossCorrelation ? r : f.r - 1 - r, sf = crossCorrelation ? s : f.s - 1 - s;
                        for (int k = 0; k < f.k; k++) {
                            double* xp = &xs[static_cast<size_t>(((static_cast<int64_t>(n) * x.h() + h) * x.w() + w) * x.c() + k / outPerGroup * f.c)];
                            double* fp = &fs[static_cast<size_t>(((static_cast<int64_t>(k) * f.r + rf) * f.s + sf) * f.c)];
                            double& yv = ys[static_cast<size_t>(((static_cast<int64_t>(n) * y.h() + i) * y.w() + j) * y.c() + k)];
                            for (int c = 0; c < f.c; c++) {
                                if (direction == Direction::Forward) yv += xp[c] * fp[c];
                                else if (direction == Direction::Data) xp[c] += yv * fp[c];
                                else fp[c] += yv * xp[c];
                            }
                        }
                    }
    return direction == Direction::Forward ? ys : direction == Direction::Data ? xs : fs;
}

void storeTensor(const Tensor& t, uint64_t address, const std::vector<double>& sums, const Blend& blend) {
    View view{&t, address};
    size_t i = 0;
    for (int n = 0; n < t.n(); n++)
        for (int h = 0; h < t.h(); h++)
            for (int w = 0; w < t.w(); w++)
                for (int c = 0; c < t.c(); c++) blend.store(view, view.at(n, c, h, w), sums[i++]);
}

void storeFilter(const Filter& f, uint64_t address, const std::vector<double>& sums, const Blend& blend) {
    size_t i = 0;
    for (int k = 0; k < f.k; k++)
        for (int r = 0; r < f.r; r++)
            for (int s = 0; s < f.s; s++)
                for (int c = 0; c < f.c; c++, i++) {
                    auto at = static_cast<uint64_t>(f.index(k, c, r, s));
                    double before = blend.beta == 0 ? 0 : blend.beta * loadElement(address, f.type, at);
                    storeElement(address, f.type, at, blend.alpha * sums[i] + before);
                }
}
