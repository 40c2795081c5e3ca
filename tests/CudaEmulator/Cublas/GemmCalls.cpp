// The gemm family.
#include "Handle.h"

namespace {

InputRounding roundingOf(const BlasHandle& handle, int compute, DataType a) {
    constexpr int Modes = 15, Tf32Math = 3;
    bool byMode = compute == Compute32F && a == DataType::Float && (handle.mathMode & Modes) == Tf32Math;
    return byMode ? InputRounding::Tf32 : inputRounding(compute);
}

struct Operand {
    const void* pointer;
    int type, ld;
    long long stride;
};

Matrix matrix(const Operand& o, bool transposed, int64_t rows, int64_t columns) {
    Matrix x;
    x.address = reinterpret_cast<uint64_t>(o.pointer);
    x.type = dataType(o.type);
    x.rows = transposed ? columns : rows;
    x.columns = transposed ? rows : columns;
    x.ld = o.ld;
    x.stride = o.stride;
    x.transposed = transposed;
    return x;
}

int gemm(const char* caller, void* handle, int transA, int transB, int m, int n, int k, const void* alpha, Operand a, Operand b, const void* beta, Operand c,
         int batch, int compute) {
    HANDLE(blas, handle);
    if (enter(caller)) return BlasExecutionFailed;
    if (transA < 0 || transA > 2 || transB < 0 || transB > 2 || m < 0 || n < 0 || k < 0 || batch < 0) {
        finding("%s: operations %d and %d (0 to 2), m %d, n %d, k %d, batch %d (0 or more)", caller, transA, transB, m, n, k, batch);
        return BlasInvalidValue;
    }
    GemmProblem p;
    p.m = m;
    p.n = n;
    p.k = k;
    p.batch = batch;
    p.a = matrix(a, transA != 0, m, k);
    p.b = matrix(b, transB != 0, k, n);
    p.c = p.d = matrix(c, false, m, n);
    if (!isSupported(compute, p.a.type, p.b.type, p.c.type)) {
        finding("%s: no such combination: A type %d, B type %d, C type %d, compute type %d", caller, a.type, b.type, c.type, compute);
        return BlasNotSupported;
    }
    if (!readScalar(*blas, alpha, scaleType(compute), p.alpha, caller, "alpha") || !readScalar(*blas, beta, scaleType(compute), p.beta, caller, "beta"))
        return BlasInvalidValue;
    if (!checkMatrix(p.a, batch, false, caller, "A") || !checkMatrix(p.b, batch, false, caller, "B") || !checkMatrix(p.c, batch, true, caller, "C"))
        return BlasInvalidValue;
    if (m == 0 || n == 0 || batch == 0) return BlasSuccess;
    p.accumulate = accumulation(compute);
    p.rounding = roundingOf(*blas, compute, p.a.type);
    return queueRoutine(*blas, caller, accessesOf(p), [p] { computeGemm(p); });
}

constexpr int Float = 0;

}  // namespace

CUBLAS_API cublasSgemm_v2(void* handle, int transA, int transB, int m, int n, int k, const float* alpha, const float* a, int lda, const float* b, int ldb,
                          const float* beta, float* c, int ldc) {
    return gemm("cublasSgemm", handle, transA, transB, m, n, k, alpha, {a, Float, lda, 0}, {b, Float, ldb, 0}, beta, {c, Float, ldc, 0}, 1, Compute32F);
}

CUBLAS_API cublasSgemmStridedBatched(void* handle, int transA, int transB, int m, int n, int k, const float* alpha, const float* a, int lda, long long strideA,
                                     const float* b, int ldb, long long strideB, const float* beta, float* c, int ldc, long long strideC, int batch) {
    return gemm("cublasSgemmStridedBatched", handle, transA, transB, m, n, k, alpha, {a, Float, lda, strideA}, {b, Float, ldb, strideB}, beta,
                {c, Float, ldc, strideC}, batch, Compute32F);
}

CUBLAS_API cublasGemmEx(void* handle, int transA, int transB, int m, int n, int k, const void* alpha, const void* a, int typeA, int lda, const void* b, int typeB,
                        int ldb, const void* beta, void* c, int typeC, int ldc, int compute, int) {
    return gemm("cublasGemmEx", handle, transA, transB, m, n, k, alpha, {a, typeA, lda, 0}, {b, typeB, ldb, 0}, beta, {c, typeC, ldc, 0}, 1, compute);
}

CUBLAS_API cublasGemmStridedBatchedEx(void* handle, int transA, int transB, int m, int n, int k, const void* alpha, const void* a, int typeA, int lda,
                                      long long strideA, const void* b, int typeB, int ldb, long long strideB, const void* beta, void* c, int typeC, int ldc,
                                      long long strideC, int batch, int compute, int) {
    return gemm("cublasGemmStridedBatchedEx", handle, transA, transB, m, n, k, alpha, {a, typeA, lda, strideA}, {b, typeB, ldb, strideB}, beta,
                {c, typeC, ldc, strideC}, batch, compute);
}
