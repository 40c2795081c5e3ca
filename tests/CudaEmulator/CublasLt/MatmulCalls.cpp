// The heuristic and the product.
#include <algorithm>
#include <cmath>

#include "Descriptors.h"

namespace {

bool isKnownEpilogue(int epilogue) {
    switch (epilogue) {
        case EpilogueDefault: case EpilogueRelu: case EpilogueBias: case EpilogueReluBias: case EpilogueGelu: case EpilogueGeluBias: return true;
        default: return false;
    }
}

bool hasBias(const MatmulDesc& desc) { return desc.epilogue & EpilogueBias; }
DataType biasType(const Problem& p) { return dataType(p.desc->biasType >= 0 ? p.desc->biasType : static_cast<int>(p.d->type)); }

// GELU by its tanh form, which is what cuBLASLt computes.
double gelu(double x) { return 0.5 * x * (1 + std::tanh(0.7978845608028654 * (x + 0.044715 * x * x * x))); }

Matrix matrix(const Layout& layout, const void* pointer, bool transposed) {
    Matrix x;
    x.address = reinterpret_cast<uint64_t>(pointer);
    x.type = dataType(static_cast<int>(layout.type));
    x.rows = static_cast<int64_t>(layout.rows);
    x.columns = static_cast<int64_t>(layout.columns);
    x.ld = layout.ld;
    x.stride = layout.stride;
    x.transposed = transposed;
    return x;
}

bool readScalar(const MatmulDesc& desc, const void* pointer, Scalar& scalar, const char* name) {
    auto address = reinterpret_cast<uint64_t>(pointer);
    scalar.type = dataType(desc.scale);
    if (desc.pointerMode == 1) {
        scalar.address = address;
        return checkRange(address, sizeOf(scalar.type), text("cublasLtMatmul, %s in device pointer mode", name).c_str());
    }
    if (!pointer || isDeviceRegion(address)) {
        finding("cublasLtMatmul: %s is %s; in host pointer mode it lies in host memory", name, describe(address).c_str());
        return false;
    }
    scalar.value = loadElement(address, scalar.type, 0);
    return true;
}

int checkAlgorithm(const Algorithm& algorithm, const Problem& problem, const void* const pointers[4], const void* workspace, size_t bytes) {
    if (algorithm.magic != AlgorithmMagic || algorithm.problem != fingerprint(problem)) {
        finding("cublasLtMatmul: the algorithm is not one that the heuristic gave for this problem");
        return BlasNotSupported;
    }
    if (bytes < algorithm.workspace) {
        finding("cublasLtMatmul: a workspace of %zu bytes, the algorithm needs %lu", bytes, algorithm.workspace);
        return BlasInvalidValue;
    }
    auto address = reinterpret_cast<uint64_t>(workspace);
    if (algorithm.workspace > 0 && (address % 256 != 0 || !checkRange(address, bytes, "cublasLtMatmul, workspace"))) return BlasInvalidValue;
    for (int i = 0; i < 4; i++)
        if (reinterpret_cast<uint64_t>(pointers[i]) % algorithm.alignment != 0) {
            finding("cublasLtMatmul: operand %c is not aligned to the %lu bytes that the algorithm needs (tell the heuristic the real alignments)", "ABCD"[i], algorithm.alignment);
            return BlasNotSupported;
        }
    return BlasSuccess;
}

int setEpilogue(GemmProblem& gemm, const Problem& problem) {
    const MatmulDesc& desc = *problem.desc;
    uint64_t bias = hasBias(desc) ? desc.bias : 0;
    DataType type = biasType(problem);
    uint64_t elements = static_cast<uint64_t>(gemm.m + (gemm.batch - 1) * desc.biasBatchStride);
    if (hasBias(desc) && !checkRange(bias, elements * sizeOf(type), "cublasLtMatmul, bias")) return BlasInvalidValue;
    if (desc.epilogue == EpilogueDefault) return BlasSuccess;
    bool relu = desc.epilogue & EpilogueRelu, geluToo = desc.epilogue & EpilogueGelu;
    int64_t biasStride = desc.biasBatchStride;
    LtQuirk quirk = settings().ltQuirk;
    // One bias for each row of D: in the swapped form of a row-major product, one for each column.
    gemm.epilogue = [=](double value, int64_t i, int64_t, int64_t q) {
        if (bias) value += loadElement(bias, type, static_cast<uint64_t>(i + q * biasStride));
        if (relu) value = value > 0 || (value != value && quirk != LtQuirk::ReluDropsNan) ? value : 0;
        if (!geluToo) return value;
        return quirk == LtQuirk::CoarseGelu ? static_cast<double>(roundMantissa(static_cast<float>(gelu(value)), 11)) : gelu(value);
    };
    return BlasSuccess;
}

}  // namespace

int describeProblem(Problem& p, const void* desc, const void* a, const void* b, const void* c, const void* d, const char* caller) {
    p.desc = handleTo<MatmulDesc>(desc, Kind::LtMatmulDesc, caller);
    p.a = handleTo<Layout>(a, Kind::LtLayout, caller);
    p.b = handleTo<Layout>(b, Kind::LtLayout, caller);
    p.c = handleTo<Layout>(c, Kind::LtLayout, caller);
    p.d = handleTo<Layout>(d, Kind::LtLayout, caller);
    if (!p.desc || !p.a || !p.b || !p.c || !p.d) return BlasInvalidValue;
    auto size = [](uint64_t v) { return static_cast<int64_t>(v); };
    p.m = size(p.d->rows);
    p.n = size(p.d->columns);
    p.k = size(p.desc->transA ? p.a->rows : p.a->columns);
    bool fits = size(p.desc->transA ? p.a->columns : p.a->rows) == p.m && size(p.desc->transB ? p.b->columns : p.b->rows) == p.k &&
                size(p.desc->transB ? p.b->rows : p.b->columns) == p.n && p.c->rows == p.d->rows && p.c->columns == p.d->columns;
    bool sameBatch = p.a->batch == p.d->batch && p.b->batch == p.d->batch && p.c->batch == p.d->batch;
    if (!fits || !sameBatch) {
        finding("%s: op(A) of %lu x %lu, op(B) of %lu x %lu, C of %lu x %lu and D of %lu x %lu (batches %d, %d, %d, %d) do not go together", caller,
                p.desc->transA ? p.a->columns : p.a->rows, p.desc->transA ? p.a->rows : p.a->columns, p.desc->transB ? p.b->columns : p.b->rows,
                p.desc->transB ? p.b->rows : p.b->columns, p.c->rows, p.c->columns, p.d->rows, p.d->columns, p.a->batch, p.b->batch, p.c->batch, p.d->batch);
        return BlasInvalidValue;
    }
    bool columnMajor = p.a->order == 0 && p.b->order == 0 && p.c->order == 0 && p.d->order == 0;
    DataType type = dataType(static_cast<int>(p.d->type));
    bool types = isSupported(p.desc->compute, dataType(static_cast<int>(p.a->type)), dataType(static_cast<int>(p.b->type)), type) && p.c->type == p.d->type;
    if (hasBias(*p.desc) && biasType(p) != type) {
        finding("%s: the bias has type %d, D has %u: for float, half and bfloat16 both are the same", caller, p.desc->biasType, p.d->type);
        return BlasNotSupported;
    }
    if (columnMajor && types && isKnownEpilogue(p.desc->epilogue) && p.desc->pointerMode <= 1) return BlasSuccess;
    finding("%s: not emulated, or no such combination: orders %d %d %d %d, types %u %u %u %u, compute type %d, epilogue %d, pointer mode %d", caller, p.a->order,
            p.b->order, p.c->order, p.d->order, p.a->type, p.b->type, p.c->type, p.d->type, p.desc->compute, p.desc->epilogue, p.desc->pointerMode);
    return BlasNotSupported;
}

uint64_t fingerprint(const Problem& p) {
    uint64_t hash = 0xcbf29ce484222325ull;
    for (uint64_t part : {static_cast<uint64_t>(p.m), static_cast<uint64_t>(p.n), static_cast<uint64_t>(p.k), static_cast<uint64_t>(p.d->batch), static_cast<uint64_t>(p.a->type),
                          static_cast<uint64_t>(p.d->type), static_cast<uint64_t>(p.desc->compute), static_cast<uint64_t>(p.desc->transA * 2 + p.desc->transB)})
        hash = (hash ^ part) * 0x100000001b3ull;
    return hash;
}

std::vector<Algorithm> algorithmsFor(const Problem& p) {
    auto outputs = static_cast<uint64_t>(p.m * p.n);
    // A plain one that takes everything, three that split sums and add the parts in a workspace or where the result lies, and one that wants aligned operands.
    uint64_t size = sizeOf(dataType(static_cast<int>(p.d->type)));
    std::vector<Algorithm> all = {{AlgorithmMagic, 0, 0, 1, fingerprint(p), ReductionNone, {}},
                                  {AlgorithmMagic, 21, outputs * 4 + 1040, 4, fingerprint(p), ReductionComputeType, {}},
                                  {AlgorithmMagic, 22, 2 * outputs * size + 528, size, fingerprint(p), ReductionOutputType, {}},
                                  {AlgorithmMagic, 23, 272, size, fingerprint(p), ReductionInPlace, {}},
                                  {AlgorithmMagic, 66, 33 * 1024 + 16, 16, fingerprint(p), ReductionNone, {}}};
    std::shuffle(all.begin(), all.end(), randomness());
    return all;
}

LT_API int cublasLtMatmulAlgoGetHeuristic(void* handle, void* desc, void* a, void* b, void* c, void* d, void* preference, int wanted, HeuristicResult* results, int* found) {
    Lock lock;
    if (!findHandle(handle, Kind::CublasLt, __func__)) return BlasNotInitialized;
    auto limits = handleTo<Preference>(preference, Kind::LtPreference, __func__);
    if (!limits || wanted < 1 || !results || !found) return BlasInvalidValue;
    Problem problem;
    *found = 0;
    if (int status = describeProblem(problem, desc, a, b, c, d, __func__)) return status;
    uint32_t alignment = *std::min_element(limits->alignment, limits->alignment + 4);
    if (limits->reductionMask > ReductionAll) {
        finding("%s: the mask of reduction schemes is %u, of which 7 are all", __func__, limits->reductionMask);
        return BlasInvalidValue;
    }
    if (settings().ltQuirk == LtQuirk::TakesNothing) return BlasSuccess;
    for (const Algorithm& algorithm : algorithmsFor(problem)) {
        if (algorithm.reduction & ~static_cast<uint64_t>(limits->reductionMask)) continue;
        if (algorithm.workspace > limits->workspace || algorithm.alignment > alignment || *found == wanted) continue;
        results[(*found)++] = {algorithm, algorithm.workspace, BlasSuccess, 1.0f, {}};
    }
    return BlasSuccess;
}

LT_API int cublasLtMatmul(void* handle, void* desc, const void* alpha, const void* a, void* layoutA, const void* b, void* layoutB, const void* beta, const void* c, void* layoutC,
                          void* d, void* layoutD, const Algorithm* algorithm, void* workspace, size_t workspaceBytes, void* streamHandle) {
    Lock lock;
    if (!findHandle(handle, Kind::CublasLt, __func__)) return BlasNotInitialized;
    if (enter(__func__)) return BlasExecutionFailed;
    auto stream = streamOf(streamHandle, __func__);
    if (!stream) return BlasInvalidValue;
    Problem problem;
    if (int status = describeProblem(problem, desc, layoutA, layoutB, layoutC, layoutD, __func__)) return status;
    const void* const pointers[] = {a, b, c, d};
    if (algorithm)
        if (int status = checkAlgorithm(*algorithm, problem, pointers, workspace, workspaceBytes)) return status;

    GemmProblem p;
    p.m = problem.m;
    p.n = problem.n;
    p.k = problem.k;
    p.batch = problem.d->batch;
    p.a = matrix(*problem.a, a, problem.desc->transA != 0);
    p.b = matrix(*problem.b, b, problem.desc->transB != 0);
    p.c = matrix(*problem.c, c, false);
    p.d = matrix(*problem.d, d, false);
    p.accumulate = accumulation(problem.desc->compute);
    p.rounding = inputRounding(problem.desc->compute);
    // Parts of float32 lose nothing; all algorithms add in one order, so that the list's does not show in the bits.
    p.roundsParts = algorithm && (algorithm->reduction & (ReductionInPlace | ReductionOutputType)) && sizeOf(p.d.type) < 4;
    if (!readScalar(*problem.desc, alpha, p.alpha, "alpha") || !readScalar(*problem.desc, beta, p.beta, "beta")) return BlasInvalidValue;
    if (!checkMatrix(p.a, p.batch, false, __func__, "A") || !checkMatrix(p.b, p.batch, false, __func__, "B") || !checkMatrix(p.d, p.batch, true, __func__, "D")) return BlasInvalidValue;
    if (!p.beta.isZero() && !checkMatrix(p.c, p.batch, false, __func__, "C")) return BlasInvalidValue;
    if (int status = setEpilogue(p, problem)) return status;
    if (int status = injected(Call::CublasLt)) return status;

    std::vector<Access> accesses = accessesOf(p);
    if (hasBias(*problem.desc)) accesses.push_back({{problem.desc->bias, static_cast<uint64_t>(p.m) * sizeOf(biasType(problem)), 1, 0}, false, "bias"});
    uint64_t scratch = algorithm ? algorithm->workspace : 0, scratchAddress = reinterpret_cast<uint64_t>(workspace);
    if (scratch) accesses.push_back({{scratchAddress, scratch, 1, 0}, true, "the workspace", false});
    Work work{"cublasLtMatmul", WorkKind::Library, accesses, nullptr, nullptr};
    work.run = [=](const Moment&) {
        computeGemm(p);
        if (scratch) poison(scratchAddress, scratch);  // what it held is lost
        return Success;
    };
    count("calls");
    count("cublaslt_calls");
    return enqueue(stream, std::move(work)) ? BlasExecutionFailed : BlasSuccess;
}
