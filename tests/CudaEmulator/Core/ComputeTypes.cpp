#include "ComputeTypes.h"

namespace emu {

DataType dataType(int cudaType) {
    switch (cudaType) {
        case 0: return DataType::Float;
        case 1: return DataType::Double;
        case 2: return DataType::Half;
        case 14: return DataType::BFloat16;
        case 3: return DataType::Int8;
        case 10: return DataType::Int32;
        default: return DataType::Unknown;
    }
}

bool isSupported(int compute, DataType a, DataType b, DataType c) {
    auto all = [&](DataType t) { return a == t && b == t && c == t; };
    auto to = [&](DataType in, DataType out) { return a == in && b == in && c == out; };
    switch (compute) {
        case Compute16F: case Compute16FPedantic: return all(DataType::Half);
        case Compute64F: case Compute64FPedantic: return all(DataType::Double);
        case Compute32I: case Compute32IPedantic: return to(DataType::Int8, DataType::Int32);
        case Compute32F: case Compute32FPedantic:
            return all(DataType::Float) || all(DataType::Half) || all(DataType::BFloat16) || to(DataType::Half, DataType::Float) ||
                   to(DataType::BFloat16, DataType::Float) || to(DataType::Int8, DataType::Float);
        case Compute32FFast16F: case Compute32FFast16BF: case Compute32FFastTf32: return all(DataType::Float);
        default: return false;
    }
}

DataType scaleType(int compute) {
    switch (compute) {
        case Compute16F: case Compute16FPedantic: return DataType::Half;
        case Compute64F: case Compute64FPedantic: return DataType::Double;
        case Compute32I: case Compute32IPedantic: return DataType::Int32;
        default: return DataType::Float;
    }
}

Accumulate accumulation(int compute) {
    switch (scaleType(compute)) {
        case DataType::Half: return Accumulate::Half;
        case DataType::Double: case DataType::Int32: return Accumulate::Double;  // 32-bit integers fit a double exactly
        default: return Accumulate::Float;
    }
}

InputRounding inputRounding(int compute) {
    switch (compute) {
        case Compute32FFastTf32: return InputRounding::Tf32;
        case Compute32FFast16F: return InputRounding::Half;
        case Compute32FFast16BF: return InputRounding::BFloat16;
        default: return InputRounding::None;
    }
}

const char* blasStatusName(int status) {
    switch (status) {
        case 0: return "CUBLAS_STATUS_SUCCESS";
        case 1: return "CUBLAS_STATUS_NOT_INITIALIZED";
        case 3: return "CUBLAS_STATUS_ALLOC_FAILED";
        case 7: return "CUBLAS_STATUS_INVALID_VALUE";
        case 8: return "CUBLAS_STATUS_ARCH_MISMATCH";
        case 11: return "CUBLAS_STATUS_MAPPING_ERROR";
        case 13: return "CUBLAS_STATUS_EXECUTION_FAILED";
        case 14: return "CUBLAS_STATUS_INTERNAL_ERROR";
        case 15: return "CUBLAS_STATUS_NOT_SUPPORTED";
        case 16: return "CUBLAS_STATUS_LICENSE_ERROR";
        default: return "CUBLAS_STATUS_UNKNOWN";
    }
}

const char* blasStatusText(int status) {
    switch (status) {
        case 0: return "success";
        case 1: return "the library was not initialized";
        case 3: return "the resource allocation failed";
        case 7: return "an unsupported value or parameter was passed to the function";
        case 13: return "the function failed to launch on the GPU";
        case 14: return "an internal operation failed";
        case 15: return "the functionality requested is not supported";
        default: return "unknown status";
    }
}

}  // namespace emu
