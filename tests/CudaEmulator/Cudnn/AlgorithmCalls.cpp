// Which algorithms there are, what they need, and the lists of them. The choice is the emulator's own, but of the kind that real
// libraries make: some serve one layout only, some are not deterministic, one does not exist, and sizes of workspaces are odd.
#include <algorithm>

#include "Convolve.h"

namespace {

// How an algorithm works, as its name tells.
enum class Family { ImplicitGemm, Gemm, Missing, Fft, FftTiling, Winograd, WinogradNonfused };

struct AlgorithmInfo {
    Family family;
    bool takesNhwc, deterministic;
};

const std::vector<AlgorithmInfo>& algorithms(Direction direction) {
    static const std::vector<AlgorithmInfo> forward = {
        {Family::ImplicitGemm, true, true}, {Family::ImplicitGemm, true, true}, {Family::Gemm, false, true}, {Family::Missing, false, true},
        {Family::Fft, false, true}, {Family::FftTiling, false, true}, {Family::Winograd, false, true}, {Family::WinogradNonfused, false, true}};
    static const std::vector<AlgorithmInfo> data = {
        {Family::ImplicitGemm, false, false}, {Family::ImplicitGemm, true, true}, {Family::Fft, false, true}, {Family::FftTiling, false, true},
        {Family::Winograd, false, true}, {Family::WinogradNonfused, false, true}};
    static const std::vector<AlgorithmInfo> filter = {
        {Family::ImplicitGemm, false, false}, {Family::ImplicitGemm, true, true}, {Family::Fft, false, true}, {Family::ImplicitGemm, false, false},
        {Family::Missing, false, true}, {Family::WinogradNonfused, false, true}, {Family::FftTiling, false, true}};
    return direction == Direction::Forward ? forward : direction == Direction::Data ? data : filter;
}

const char* refusal(const ConvolutionProblem& p, const AlgorithmInfo& info) {
    const Convolution& c = p.conv;
    bool unitStride = c.strideH == 1 && c.strideW == 1, undilated = c.dilationH == 1 && c.dilationW == 1;
    if (info.family == Family::Missing) return "does not exist";
    if (p.x.isNhwc() && !info.takesNhwc) return "does not take NHWC";
    if (info.family == Family::ImplicitGemm) return nullptr;
    if (c.groups > 1) return "does not take groups";
    if (!undilated) return "does not take dilations";
    if (info.family == Family::Gemm) return nullptr;
    if (!unitStride) return "wants strides of 1";
    bool isThree = p.filter.r == 3 && p.filter.s == 3, isFive = p.filter.r == 5 && p.filter.s == 5;
    if (info.family == Family::Winograd && !isThree) return "wants a filter of 3 x 3";
    if (info.family == Family::WinogradNonfused && !isThree && !isFive) return "wants a filter of 3 x 3 or 5 x 5";
    return nullptr;
}

// cudnnConvolution...AlgoPerf_t: 48 bytes, the same for all directions.
struct Performance {
    int algorithm, status;
    float time;
    size_t memory;
    int deterministic, math, reserved[3];
};
static_assert(sizeof(Performance) == 48, "as cudnnConvolutionFwdAlgoPerf_t");

// Entries in an order drawn by seed: those that do not work stand among the others, as a walk down the list must expect.
int listAlgorithms(const ConvolutionProblem& p, Direction direction, int wanted, int* given, Performance* results, uint64_t limit) {
    constexpr int FmaMath = 3;
    std::vector<Performance> all;
    auto& infos = algorithms(direction);
    for (int i = 0; i < static_cast<int>(infos.size()); i++) {
        bool works = !refusal(p, infos[static_cast<size_t>(i)]);
        // Half and bfloat16 run on tensor cores, float too unless the descriptor forbids it.
        int math = p.conv.math == FmaMath || p.x.type == DataType::Double ? FmaMath : randomness()() % 2 ? 1 : p.conv.math;
        uint64_t bytes = works ? workspaceBytes(p, direction, i, math) : 0;
        bool fits = bytes <= limit;
        all.push_back({i, works ? fits ? DnnSuccess : DnnInternalError : DnnNotSupported, works && fits ? 0.01f * static_cast<float>(i + 1) : -1.0f,
                       static_cast<size_t>(bytes), infos[static_cast<size_t>(i)].deterministic, math, {}});
    }
    std::shuffle(all.begin(), all.end(), randomness());
    *given = std::min(wanted, static_cast<int>(all.size()));
    std::copy(all.begin(), all.begin() + *given, results);
    return DnnSuccess;
}

int checkList(int wanted, const int* given, const Performance* results, const char* caller) {
    return wanted > 0 && given && results ? DnnSuccess : badParam("%s: %d entries wanted, or no place for them", caller, wanted);
}

}  // namespace

int checkAlgorithm(const ConvolutionProblem& p, Direction direction, int algorithm, const char* caller) {
    auto& infos = algorithms(direction);
    if (algorithm < 0 || algorithm >= static_cast<int>(infos.size())) return badParam("%s: there is no algorithm %d", caller, algorithm);
    const char* reason = refusal(p, infos[static_cast<size_t>(algorithm)]);
    return reason ? notSupported("%s: algorithm %d %s", caller, algorithm, reason) : static_cast<int>(DnnSuccess);
}

uint64_t workspaceBytes(const ConvolutionProblem& p, Direction direction, int algorithm, int math) {
    uint64_t element = sizeOf(p.x.type), patch = static_cast<uint64_t>(p.filter.c) * p.filter.r * p.filter.s;
    // Every choice has its own number, so that a size asked for one does not serve another.
    uint64_t own = 272 + 16 * static_cast<uint64_t>(algorithm) + 48 * static_cast<uint64_t>(math) + 8 * static_cast<uint64_t>(direction);
    switch (algorithms(direction)[static_cast<size_t>(algorithm)].family) {
        case Family::ImplicitGemm: return algorithm == 0 ? 0 : patch * 4 + own + element;
        case Family::Gemm: return patch * static_cast<uint64_t>(p.y.h()) * static_cast<uint64_t>(p.y.w()) * element + own;
        case Family::Fft: return (1ull << 41) + own;  // absurd on purpose: callers must cap what they accept
        case Family::FftTiling: return static_cast<uint64_t>(p.x.count() + p.y.count()) * 8 + own;
        default: return static_cast<uint64_t>(p.filter.k) * static_cast<uint64_t>(p.filter.c) * 16 * element + own;
    }
}

// ---- forward ----

CUDNN_API cudnnGetConvolution2dForwardOutputDim(void* convHandle, void* xHandle, void* filterHandle, int* n, int* c, int* h, int* w) {
    Lock lock;
    READY(Convolution, conv, convHandle);
    READY(Tensor, x, xHandle);
    READY(Filter, filter, filterHandle);
    if (x->c() != filter->c * conv->groups) return badParam("cudnnGetConvolution2dForwardOutputDim: x has %d channels, the filter %d in %d groups", x->c(), filter->c, conv->groups);
    std::vector<int> size = outputSize(*x, *filter, *conv);
    *n = size[0];
    *c = size[1];
    *h = size[2];
    *w = size[3];
    return size[2] > 0 && size[3] > 0 ? DnnSuccess : badParam("cudnnGetConvolution2dForwardOutputDim: the filter is larger than the padded x");
}

// The nine calls of the three directions differ in the order of descriptors alone.
#define ALGORITHM_CALLS(Name, direction, P1, P2, P3, P4, X, F, C, Y)                                                                        \
    CUDNN_API cudnnGetConvolution##Name##WorkspaceSize(void* handle, void* P1, void* P2, void* P3, void* P4, int algorithm, size_t* bytes) { \
        DNN_HANDLE(dnn, handle);                                                                                                            \
        ConvolutionProblem p;                                                                                                               \
        if (int status = describeConvolution(p, X, F, C, Y, __func__)) return status;                                                       \
        if (int status = checkAlgorithm(p, direction, algorithm, __func__)) return status;                                                  \
        *bytes = workspaceBytes(p, direction, algorithm, p.conv.math);                                                                      \
        return DnnSuccess;                                                                                                                  \
    }                                                                                                                                       \
    CUDNN_API cudnnGetConvolution##Name##AlgorithmMaxCount(void* handle, int* n) {                                                           \
        DNN_HANDLE(dnn, handle);                                                                                                            \
        *n = static_cast<int>(algorithms(direction).size());                                                                                \
        return DnnSuccess;                                                                                                                  \
    }                                                                                                                                       \
    CUDNN_API cudnnGetConvolution##Name##Algorithm_v7(void* handle, void* P1, void* P2, void* P3, void* P4, int wanted, int* given,          \
                                                      Performance* results) {                                                               \
        DNN_HANDLE(dnn, handle);                                                                                                            \
        ConvolutionProblem p;                                                                                                               \
        if (int status = describeConvolution(p, X, F, C, Y, __func__)) return status;                                                       \
        if (int status = checkList(wanted, given, results, __func__)) return status;                                                        \
        return listAlgorithms(p, direction, wanted, given, results, ~0ull);                                                                 \
    }
ALGORITHM_CALLS(Forward, Direction::Forward, x, filter, conv, y, x, filter, conv, y)
ALGORITHM_CALLS(BackwardData, Direction::Data, filter, dy, conv, dx, dx, filter, conv, dy)
ALGORITHM_CALLS(BackwardFilter, Direction::Filter, x, dy, conv, filter, x, filter, conv, dy)

namespace {

// Find tries algorithms on the caller's buffers, waits for them, and leaves the output overwritten.
int findAlgorithms(const DnnHandle& dnn, const ConvolutionProblem& p, Direction direction, Buffers& buffers, const void* output, uint64_t outputBytes, int wanted, int* given,
                   Performance* results, uint64_t limit) {
    if (int status = checkList(wanted, given, results, buffers.caller())) return status;
    if (refuseDuringCapture(buffers.caller()) || refuseIfCapturing(*dnn.stream, buffers.caller())) return DnnExecutionFailed;
    if (int status = queueDnn(dnn, buffers, [=] { memset(const_cast<void*>(output), Poison, outputBytes); })) return status;
    if (waitFor(dnn.stream)) return DnnExecutionFailed;
    return listAlgorithms(p, direction, wanted, given, results, limit);
}

}  // namespace

CUDNN_API cudnnFindConvolutionForwardAlgorithmEx(void* handle, void* xDesc, const void* x, void* filterDesc, const void* filter, void* conv, void* yDesc, void* y, int wanted,
                                                 int* given, Performance* results, void* workspace, size_t bytes) {
    DNN_HANDLE(dnn, handle);
    ConvolutionProblem p;
    if (int status = describeConvolution(p, xDesc, filterDesc, conv, yDesc, __func__)) return status;
    Buffers buffers(__func__);
    buffers.read(p.x, x, "x").bytes(static_cast<uint64_t>(p.filter.count()) * sizeOf(p.filter.type), filter, false, "the filter").write(p.y, y, "y").scratch(bytes, workspace, bytes);
    return findAlgorithms(*dnn, p, Direction::Forward, buffers, y, p.y.bytes(), wanted, given, results, bytes);
}

CUDNN_API cudnnFindConvolutionBackwardDataAlgorithmEx(void* handle, void* filterDesc, const void* filter, void* dyDesc, const void* dy, void* conv, void* dxDesc, void* dx, int wanted,
                                                      int* given, Performance* results, void* workspace, size_t bytes) {
    DNN_HANDLE(dnn, handle);
    ConvolutionProblem p;
    if (int status = describeConvolution(p, dxDesc, filterDesc, conv, dyDesc, __func__)) return status;
    Buffers buffers(__func__);
    buffers.bytes(static_cast<uint64_t>(p.filter.count()) * sizeOf(p.filter.type), filter, false, "the filter").read(p.y, dy, "dy").write(p.x, dx, "dx").scratch(bytes, workspace, bytes);
    return findAlgorithms(*dnn, p, Direction::Data, buffers, dx, p.x.bytes(), wanted, given, results, bytes);
}

CUDNN_API cudnnFindConvolutionBackwardFilterAlgorithmEx(void* handle, void* xDesc, const void* x, void* dyDesc, const void* dy, void* conv, void* filterDesc, void* dw, int wanted,
                                                        int* given, Performance* results, void* workspace, size_t bytes) {
    DNN_HANDLE(dnn, handle);
    ConvolutionProblem p;
    if (int status = describeConvolution(p, xDesc, filterDesc, conv, dyDesc, __func__)) return status;
    Buffers buffers(__func__);
    uint64_t filterBytes = static_cast<uint64_t>(p.filter.count()) * sizeOf(p.filter.type);
    buffers.read(p.x, x, "x").read(p.y, dy, "dy").bytes(filterBytes, dw, true, "dw").scratch(bytes, workspace, bytes);
    return findAlgorithms(*dnn, p, Direction::Filter, buffers, dw, filterBytes, wanted, given, results, bytes);
}
