// Matrix times vector, and sums of matrices.

#include "Handle.h"

namespace {

Matrix floats(const float* pointer, int64_t rows, int64_t columns, int64_t ld, bool transposed = false) {
    Matrix x;
    x.address = reinterpret_cast<uint64_t>(pointer);
    x.rows = rows;
    x.columns = columns;
    x.ld = ld;
    x.transposed = transposed;
    return x;
}

}  // namespace

// y = alpha op(A) x + beta y: a product with matrices of one column, whose rows lie `inc` elements apart.
CUBLAS_API cublasSgemv_v2(void* handle, int trans, int m, int n, const float* alpha, const float* a, int lda, const float* x, int incX, const float* beta,
                          float* y, int incY) {
    HANDLE(blas, handle);
    if (enter(__func__)) return BlasExecutionFailed;
    if (trans < 0 || trans > 2 || m < 0 || n < 0 || incX < 1 || incY < 1) {
        finding("cublasSgemv: operation %d (0 to 2), m %d, n %d (0 or more), steps %d and %d (1 or more here)", trans, m, n, incX, incY);
        return BlasInvalidValue;
    }
    GemmProblem p;
    // As rows: x is 1 x k with ld incX, and y is 1 x result: y' = x' op(A)'.
    int64_t in = trans ? m : n, out = trans ? n : m;
    p.m = 1;
    p.n = out;
    p.k = in;
    p.a = floats(x, 1, in, incX);
    p.b = floats(a, m, n, lda, trans == 0);
    p.c = p.d = floats(y, 1, out, incY);
    if (!readScalar(*blas, alpha, DataType::Float, p.alpha, __func__, "alpha") || !readScalar(*blas, beta, DataType::Float, p.beta, __func__, "beta"))
        return BlasInvalidValue;
    if (!checkMatrix(p.a, 1, false, __func__, "x") || !checkMatrix(p.b, 1, false, __func__, "A") || !checkMatrix(p.c, 1, true, __func__, "y")) return BlasInvalidValue;
    if (m == 0 || n == 0) return BlasSuccess;
    return queueRoutine(*blas, __func__, accessesOf(p), [p] { computeGemm(p); });
}

// C = alpha op(A) + beta op(B). C may be A or B itself if that one is not transposed.
CUBLAS_API cublasSgeam(void* handle, int transA, int transB, int m, int n, const float* alpha, const float* a, int lda, const float* beta, const float* b, int ldb,
                       float* c, int ldc) {
    HANDLE(blas, handle);
    if (enter(__func__)) return BlasExecutionFailed;
    Scalar alphaValue, betaValue;
    if (!readScalar(*blas, alpha, DataType::Float, alphaValue, __func__, "alpha") || !readScalar(*blas, beta, DataType::Float, betaValue, __func__, "beta"))
        return BlasInvalidValue;
    if (transA < 0 || transA > 2 || transB < 0 || transB > 2 || m < 0 || n < 0 || (a == c && transA != 0) || (b == c && transB != 0)) {
        finding("cublasSgeam: operations %d and %d (0 to 2), m %d, n %d; a transposed operand cannot be the result", transA, transB, m, n);
        return BlasInvalidValue;
    }
    Matrix x = floats(a, transA ? n : m, transA ? m : n, lda, transA != 0), y = floats(b, transB ? n : m, transB ? m : n, ldb, transB != 0);
    Matrix z = floats(c, m, n, ldc);
    bool readsA = !alphaValue.isZero(), readsB = !betaValue.isZero();
    if ((readsA && !checkMatrix(x, 1, false, __func__, "A")) || (readsB && !checkMatrix(y, 1, false, __func__, "B")) || !checkMatrix(z, 1, true, __func__, "C"))
        return BlasInvalidValue;
    std::vector<Access> accesses;
    if (readsA) addAccesses(accesses, x, 1, false, "A");
    if (readsB) addAccesses(accesses, y, 1, false, "B");
    addAccesses(accesses, z, 1, true, "C");
    return queueRoutine(*blas, __func__, accesses, [=] {
        auto element = [](const Matrix& f, int64_t i, int64_t j) {
            return loadElement(f.address, f.type, static_cast<uint64_t>(f.transposed ? j + i * f.ld : i + j * f.ld));
        };
        for (int64_t j = 0; j < z.columns; j++)
            for (int64_t i = 0; i < z.rows; i++) {
                double value = 0;
                if (readsA) value += alphaValue.get() * element(x, i, j);
                if (readsB) value += betaValue.get() * element(y, i, j);
                storeElement(z.address, z.type, static_cast<uint64_t>(i + j * z.ld), value);
            }
    });
}
