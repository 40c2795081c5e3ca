// The types and statuses that cuBLAS and cuBLASLt share: cudaDataType, cublasComputeType_t, cublasStatus_t.
#pragma once
#include "Gemm.h"

namespace emu {

enum BlasStatus {
    BlasSuccess = 0, BlasNotInitialized = 1, BlasAllocFailed = 3, BlasInvalidValue = 7, BlasExecutionFailed = 13, BlasInternalError = 14, BlasNotSupported = 15,
};
const char* blasStatusName(int status);
const char* blasStatusText(int status);

enum ComputeType {
    Compute16F = 64, Compute16FPedantic = 65, Compute32F = 68, Compute32FPedantic = 69, Compute64F = 70, Compute64FPedantic = 71, Compute32I = 72,
    Compute32IPedantic = 73, Compute32FFast16F = 74, Compute32FFast16BF = 75, Compute32FFastTf32 = 77,
};

// cudaDataType to the emulator's; Unknown for what is not emulated.
DataType dataType(int cudaType);

// The combinations of types that the libraries document, among those emulated here.
bool isSupported(int compute, DataType a, DataType b, DataType c);

DataType scaleType(int compute);          // of alpha and beta
Accumulate accumulation(int compute);
InputRounding inputRounding(int compute);  // of the FAST_... forms

}  // namespace emu
