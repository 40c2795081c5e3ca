// Dropout: y = x / (1 - rate) where a drawn bit says so, else 0. The bits are the reserve that backward reads.
#include <random>

#include "Descriptors.h"

namespace {

constexpr size_t StateBytes = 3 * 1024 * 16 + 48;  // no round number: real sizes are none either

size_t reserveBytes(const Tensor& x) { return static_cast<size_t>((x.count() + 7) / 8 + 16); }

int setDropout(void* dropoutHandle, void* handle, float rate, void* states, size_t bytes, uint64_t seed, bool initialises, const char* caller) {
    Lock lock;
    auto dropout = handleTo<Dropout>(dropoutHandle, Kind::Dropout, caller);
    auto dnn = handleTo<DnnHandle>(handle, Kind::Cudnn, caller);
    if (!dropout || !dnn) return DnnBadParam;
    if (!(rate >= 0 && rate < 1)) return badParam("%s: a rate of %g", caller, static_cast<double>(rate));
    // Null states are for dropout that is never run forward.
    if (states && bytes < StateBytes) return badParam("%s: states of %zu bytes, %zu are needed", caller, bytes, StateBytes);
    *dropout = {true, rate, addressOf(states), seed, 0};
    if (!states) return DnnSuccess;
    Buffers buffers(caller);
    buffers.bytes(StateBytes, states, initialises, "the states");
    return queueDnn(*dnn, buffers, [=] {
        if (initialises) memset(states, 0, StateBytes);
    });
}

int runDropout(const char* caller, void* handle, void* dropoutHandle, void* inDesc, const void* in, void* outDesc, void* out, void* reserve, size_t bytes, bool isForward) {
    Lock lock;
    auto dnn = handleTo<DnnHandle>(handle, Kind::Cudnn, caller);
    if (!dnn) return DnnNotInitialized;
    if (enter(caller)) return DnnExecutionFailed;
    auto dropout = handleTo<Dropout>(dropoutHandle, Kind::Dropout, caller);
    auto from = handleTo<Tensor>(inDesc, Kind::Tensor, caller), to = handleTo<Tensor>(outDesc, Kind::Tensor, caller);
    if (!dropout || !from || !to || !isReady(*dropout, caller, "dropout") || !isReady(*from, caller, "tensor") || !isReady(*to, caller, "tensor")) return DnnBadParam;
    if (!sameSize(*from, *to) || from->type != to->type) return badParam("%s: from %s to %s", caller, from->text().c_str(), to->text().c_str());
    if (bytes < reserveBytes(*from)) return badParam("%s: a reserve of %zu bytes, %zu are needed", caller, bytes, reserveBytes(*from));
    if (isForward && !dropout->states) return badParam("%s: the descriptor has no states", caller);
    Buffers buffers(caller);
    buffers.read(*from, in, "the input").bytes(reserveBytes(*from), reserve, isForward, "the reserve").write(*to, out, "the output");
    if (isForward) buffers.bytes(StateBytes, reinterpret_cast<void*>(dropout->states), false, "the states");
    uint64_t seed = dropout->seed + 0x9e3779b97f4a7c15ull * dropout->draws;
    if (isForward) dropout->draws++;
    return queueDnn(*dnn, buffers, [=, rate = static_cast<double>(dropout->rate), from = *from, to = *to] {
        auto bits = static_cast<unsigned char*>(reserve);
        if (isForward) {
            std::mt19937_64 generator(seed);
            std::uniform_real_distribution<double> uniform;
            memset(reserve, 0, reserveBytes(from));
            for (int64_t i = 0; i < from.count(); i++)
                if (uniform(generator) >= rate) bits[i / 8] |= static_cast<unsigned char>(1 << (i % 8));
        }
        View source{&from, addressOf(in)}, target{&to, addressOf(out)};
        int64_t i = 0;
        eachElement(from, [&](int n, int c, int h, int w) {
            bool kept = bits[i / 8] >> (i % 8) & 1;
            target.set(target.at(n, c, h, w), kept ? source.get(n, c, h, w) / (1 - rate) : 0);
            i++;
        });
    });
}

}  // namespace

CUDNN_API cudnnDropoutGetStatesSize(void* handle, size_t* bytes) {
    DNN_HANDLE(dnn, handle);
    *bytes = StateBytes;
    return DnnSuccess;
}

CUDNN_API cudnnDropoutGetReserveSpaceSize(void* xHandle, size_t* bytes) {
    Lock lock;
    READY(Tensor, x, xHandle);
    *bytes = reserveBytes(*x);
    return DnnSuccess;
}

CUDNN_API cudnnSetDropoutDescriptor(void* dropout, void* handle, float rate, void* states, size_t bytes, unsigned long long seed) {
    return setDropout(dropout, handle, rate, states, bytes, seed, true, __func__);
}

CUDNN_API cudnnRestoreDropoutDescriptor(void* dropout, void* handle, float rate, void* states, size_t bytes, unsigned long long seed) {
    return setDropout(dropout, handle, rate, states, bytes, seed, false, __func__);
}

CUDNN_API cudnnDropoutForward(void* handle, void* dropout, void* xDesc, const void* x, void* yDesc, void* y, void* reserve, size_t bytes) {
    return runDropout(__func__, handle, dropout, xDesc, x, yDesc, y, reserve, bytes, true);
}

CUDNN_API cudnnDropoutBackward(void* handle, void* dropout, void* dyDesc, const void* dy, void* dxDesc, void* dx, void* reserve, size_t bytes) {
    return runDropout(__func__, handle, dropout, dyDesc, dy, dxDesc, dx, reserve, bytes, false);
}
