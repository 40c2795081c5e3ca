#include "Gemm.h"

#include <algorithm>

#include "Memory.h"
#include "Reports.h"

namespace emu {

bool checkMatrix(const Matrix& x, int64_t batch, bool isOutput, const char* caller, const char* name) {
    if (x.ld < std::max<int64_t>(1, x.rows)) {
        finding("%s: the leading dimension of %s is %ld, but its columns have %ld rows (row-major operands need their order swapped)", caller, name, x.ld, x.rows);
        return false;
    }
    if (x.rows == 0 || x.columns == 0 || batch == 0) return true;
    if (x.address % sizeOf(x.type) != 0) {
        finding("%s: %s at %s is not aligned to its elements of %lu bytes", caller, name, describe(x.address).c_str(), sizeOf(x.type));
        return false;
    }
    // One behind the other, or side by side in the rows of one wide array, as the heads of attention lie.
    bool isApart = x.stride >= x.span() || (x.stride >= x.rows && (batch - 1) * x.stride + x.rows <= x.ld);
    if (isOutput && batch > 1 && !isApart) {
        finding("%s: the outputs of the batch overlap: %s takes %ld elements, the stride is %ld", caller, name, x.span(), x.stride);
        return false;
    }
    int64_t last = (batch - 1) * x.stride;
    uint64_t first = x.address + static_cast<uint64_t>(std::min<int64_t>(0, last)) * sizeOf(x.type);
    uint64_t elements = static_cast<uint64_t>(std::abs(last) + x.span());
    return checkRange(first, elements * sizeOf(x.type), text("%s, matrix %s of %ld x %ld, ld %ld", caller, name, x.rows, x.columns, x.ld).c_str());
}

void addAccesses(std::vector<Access>& accesses, const Matrix& x, int64_t batch, bool write, const std::string& what) {
    uint64_t size = sizeOf(x.type);
    if (x.span() == 0) return;
    if (x.stride == 0) batch = std::min<int64_t>(batch, 1);
    for (int64_t q = 0; q < batch; q++) {
        uint64_t address = x.address + static_cast<uint64_t>(q * x.stride) * size;
        accesses.push_back({{address, static_cast<uint64_t>(x.rows) * size, static_cast<uint64_t>(x.columns), static_cast<uint64_t>(x.ld) * size}, write, what});
    }
}

std::vector<Access> accessesOf(const GemmProblem& p) {
    std::vector<Access> accesses;
    if (p.k > 0 && !p.alpha.isZero()) {
        addAccesses(accesses, p.a, p.batch, false, "A");
        addAccesses(accesses, p.b, p.batch, false, "B");
    }
    if (!p.beta.isZero()) addAccesses(accesses, p.c, p.batch, false, "C");
    addAccesses(accesses, p.d, p.batch, true, "the result");
    for (auto& [scalar, name] : {std::pair{p.alpha, "alpha"}, std::pair{p.beta, "beta"}})
        if (scalar.address) accesses.push_back({{scalar.address, sizeOf(scalar.type), 1, 0}, false, name});
    return accesses;
}

namespace {

// op(X) of one matrix of the batch with `lanes` in the fast direction: element (x, l) at [x * lanes + l].
template <class T>
std::vector<T> pack(const Matrix& matrix, int64_t q, int64_t lanes, int64_t depth, bool lanesAreRows, InputRounding rounding) {
    std::vector<T> out(static_cast<size_t>(lanes * depth));
    uint64_t start = matrix.address + static_cast<uint64_t>(q * matrix.stride) * sizeOf(matrix.type);
    bool rowsFast = lanesAreRows != matrix.transposed;  // whether lanes run along the stored rows
    for (int64_t x = 0; x < depth; x++)
        for (int64_t l = 0; l < lanes; l++) {
            int64_t i = rowsFast ? l + x * matrix.ld : x + l * matrix.ld;
            double value = loadElement(start, matrix.type, static_cast<uint64_t>(i));
            out[static_cast<size_t>(x * lanes + l)] = static_cast<T>(rounding == InputRounding::None ? value : static_cast<double>(roundInput(static_cast<float>(value), rounding)));
        }
    return out;
}

float asHalf(double value) { return halfToFloat(floatToHalf(value)); }

// What is left of a number that is stored as this type.
double stored(double value, DataType type) {
    uint64_t place = 0;
    auto address = reinterpret_cast<uint64_t>(&place);
    storeElement(address, type, 0, value);
    return loadElement(address, type, 0);
}

template <class T>
void computeOne(const GemmProblem& p, int64_t q, double alpha, double beta) {
    std::vector<T> a, b;
    if (p.k > 0 && alpha != 0) {
        a = pack<T>(p.a, q, p.m, p.k, true, p.rounding);
        b = pack<T>(p.b, q, p.n, p.k, false, p.rounding);
    }
    std::vector<T> sums(static_cast<size_t>(p.m)), firstPart(static_cast<size_t>(p.roundsParts ? p.m : 0));
    uint64_t c = p.c.address + static_cast<uint64_t>(q * p.c.stride) * sizeOf(p.c.type);
    uint64_t d = p.d.address + static_cast<uint64_t>(q * p.d.stride) * sizeOf(p.d.type);
    for (int64_t j = 0; j < p.n; j++) {
        std::fill(sums.begin(), sums.end(), T(0));
        for (int64_t x = 0; x < p.k && !a.empty(); x++) {
            if (p.roundsParts && x == (p.k + 1) / 2) {
                firstPart.swap(sums);
                std::fill(sums.begin(), sums.end(), T(0));
            }
            const T* column = &a[static_cast<size_t>(x * p.m)];
            T factor = b[static_cast<size_t>(x * p.n + j)];
            if (p.accumulate == Accumulate::Half)
                for (int64_t i = 0; i < p.m; i++) sums[static_cast<size_t>(i)] = static_cast<T>(asHalf(sums[static_cast<size_t>(i)] + asHalf(column[i] * factor)));
            else
                for (int64_t i = 0; i < p.m; i++) sums[static_cast<size_t>(i)] += column[i] * factor;
        }
        for (int64_t i = 0; i < p.m; i++) {
            double sum = static_cast<double>(sums[static_cast<size_t>(i)]);
            if (p.roundsParts && p.k > 1) sum = stored(static_cast<double>(firstPart[static_cast<size_t>(i)]), p.d.type) + stored(sum, p.d.type);
            double value = alpha * sum;
            if (beta != 0) value += beta * loadElement(c, p.c.type, static_cast<uint64_t>(i + j * p.c.ld));
            if (p.epilogue) value = p.epilogue(value, i, j, q);
            storeElement(d, p.d.type, static_cast<uint64_t>(i + j * p.d.ld), value);
        }
    }
}

}  // namespace

void computeGemm(const GemmProblem& p) {
    double alpha = p.alpha.get(), beta = p.beta.get();
    for (int64_t q = 0; q < p.batch; q++) {
        if (p.accumulate == Accumulate::Double) computeOne<double>(p, q, alpha, beta);
        else computeOne<float>(p, q, alpha, beta);
    }
}

}  // namespace emu
