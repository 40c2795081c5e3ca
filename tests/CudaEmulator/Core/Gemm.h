// D = epilogue(alpha op(A) op(B) + beta C) on column-major matrices, strided in batches: what cuBLAS and cuBLASLt share.
#pragma once
#include <functional>
#include <memory>
#include <string>

#include "Numbers.h"
#include "Streams.h"

namespace emu {

struct Matrix {
    uint64_t address = 0;
    DataType type = DataType::Float;
    int64_t rows = 0, columns = 0;  // as stored
    int64_t ld = 0;                 // elements from column to column
    int64_t stride = 0;             // elements from one matrix of the batch to the next
    bool transposed = false;

    int64_t span() const { return rows == 0 || columns == 0 ? 0 : (columns - 1) * ld + rows; }
};

enum class Accumulate { Float, Double, Half };

// A number that is known at the call, or lies in device memory and is read when the work runs.
struct Scalar {
    double value = 0;
    uint64_t address = 0;
    DataType type = DataType::Float;

    double get() const { return address ? loadElement(address, type, 0) : value; }
    bool isZero() const { return address == 0 && value == 0; }
};

struct GemmProblem {
    int64_t m = 0, n = 0, k = 0, batch = 1;
    Matrix a, b, c, d;
    Scalar alpha, beta;
    Accumulate accumulate = Accumulate::Float;
    InputRounding rounding = InputRounding::None;
    // Sums are made in two parts, each rounded to the type of D before they are added.
    bool roundsParts = false;
    // Changes the value of row i, column j of matrix q before it is rounded and stored; may be empty.
    std::function<double(double value, int64_t i, int64_t j, int64_t q)> epilogue;
};

// A finding, and false, if a matrix is described wrongly: ld below rows, a buffer that is too short, a pointer off its alignment.
bool checkMatrix(const Matrix& matrix, int64_t batch, bool isOutput, const char* caller, const char* name);

// Accesses of a matrix and its batch.
void addAccesses(std::vector<Access>& accesses, const Matrix& matrix, int64_t batch, bool write, const std::string& what);

// The accesses of all four matrices; C is read only if beta is not known to be 0.
std::vector<Access> accessesOf(const GemmProblem& problem);
void computeGemm(const GemmProblem& problem);

}  // namespace emu
