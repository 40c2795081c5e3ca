// What cuBLASLt's handles stand for. Attributes are set by number and size, as bytes: a size that is not the attribute's is refused.
#pragma once
#include <cstring>
#include <memory>

#include "../Core/Capture.h"
#include "../Core/ComputeTypes.h"
#include "../Core/Context.h"
#include "../Core/Counters.h"
#include "../Core/Handles.h"
#include "../Core/Memory.h"
#include "../Core/Reports.h"
#include "../Core/Settings.h"

using namespace emu;

#define LT_API extern "C" __attribute__((visibility("default")))

// cublasLtEpilogue_t: those that are emulated.
enum Epilogue { EpilogueDefault = 1, EpilogueRelu = 2, EpilogueBias = 4, EpilogueReluBias = 6, EpilogueGelu = 32, EpilogueGeluBias = 36 };

struct Field {
    int attribute;
    void* place;
    size_t size;
};

struct MatmulDesc {
    int32_t compute = Compute32F, scale = 0, pointerMode = 0, transA = 0, transB = 0, epilogue = EpilogueDefault, biasType = -1;
    uint64_t bias = 0;
    int64_t biasBatchStride = 0;

    std::vector<Field> fields() {
        return {{0, &compute, 4}, {1, &scale, 4}, {2, &pointerMode, 4}, {3, &transA, 4}, {4, &transB, 4}, {7, &epilogue, 4}, {8, &bias, 8}, {10, &biasBatchStride, 8}, {26, &biasType, 4}};
    }
};

struct Layout {
    uint32_t type = 0;
    int32_t order = 0, batch = 1;
    uint64_t rows = 0, columns = 0;
    int64_t ld = 0, stride = 0;

    std::vector<Field> fields() {
        return {{0, &type, 4}, {1, &order, 4}, {2, &rows, 8}, {3, &columns, 8}, {4, &ld, 8}, {5, &batch, 4}, {6, &stride, 8}};
    }
};

// cublasLtReductionScheme_t: how the parts of a sum that was split are added. Without a split there is nothing to add, and no mask forbids that.
enum Reduction : uint64_t { ReductionNone = 0, ReductionInPlace = 1, ReductionComputeType = 2, ReductionOutputType = 4, ReductionAll = 7 };

struct Preference {
    uint32_t searchMode = 0, reductionMask = ReductionAll, alignment[4] = {256, 256, 256, 256};
    uint64_t workspace = 0;
    float waves = 0;

    std::vector<Field> fields() {
        return {{0, &searchMode, 4}, {1, &workspace, 8}, {3, &reductionMask, 4}, {5, &alignment[0], 4}, {6, &alignment[1], 4}, {7, &alignment[2], 4}, {8, &alignment[3], 4}, {9, &waves, 4}};
    }
};

// What lies in the 64 opaque bytes of cublasLtMatmulAlgo_t.
struct Algorithm {
    uint64_t magic, id, workspace, alignment, problem, reduction, spare[2];
};
static_assert(sizeof(Algorithm) == 64, "as cublasLtMatmulAlgo_t");

// cublasLtMatmulHeuristicResult_t: 96 bytes.
struct HeuristicResult {
    Algorithm algorithm;
    size_t workspace;
    int state;
    float waves;
    int reserved[4];
};
static_assert(sizeof(HeuristicResult) == 96, "as cublasLtMatmulHeuristicResult_t");

// A product as its descriptors describe it.
struct Problem {
    std::shared_ptr<MatmulDesc> desc;
    std::shared_ptr<Layout> a, b, c, d;
    int64_t m = 0, n = 0, k = 0;
};

// Looks the descriptors up and checks that they fit each other; the status is BlasSuccess, or what the library would answer.
int describeProblem(Problem& problem, const void* desc, const void* a, const void* b, const void* c, const void* d, const char* caller);

// The algorithms for a problem, in an order drawn by seed.
std::vector<Algorithm> algorithmsFor(const Problem& problem);
uint64_t fingerprint(const Problem& problem);
constexpr uint64_t AlgorithmMagic = 0x6f67616d75656c74ull;
