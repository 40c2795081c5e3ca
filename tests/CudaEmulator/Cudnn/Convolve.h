// Convolutions: the problem that descriptors describe, its loops, and the algorithms that there are for it.
#pragma once
#include "Descriptors.h"

enum class Direction { Forward, Data, Filter };

// x, filter and y (or their gradients) of one convolution, whatever the direction.
struct ConvolutionProblem {
    Tensor x, y;
    Filter filter;
    Convolution conv;
};

// The status of cuDNN if the descriptors do not go together; y's size follows from the others.
int describeConvolution(ConvolutionProblem& problem, const void* x, const void* filter, const void* conv, const void* y, const char* caller);
std::vector<int> outputSize(const Tensor& x, const Filter& filter, const Convolution& conv);

// Success, or NotSupported with a note, for an algorithm of a direction.
int checkAlgorithm(const ConvolutionProblem& problem, Direction direction, int algorithm, const char* caller);
uint64_t workspaceBytes(const ConvolutionProblem& problem, Direction direction, int algorithm, int math);

// The sums of all outputs of a direction, in double, dense: y as N,P,Q,K, dx as N,H,W,C, dw as K,R,S,C.
std::vector<double> convolve(const ConvolutionProblem& problem, Direction direction, uint64_t x, uint64_t filter, uint64_t y);

// Blends dense sums into a tensor or a filter in memory.
void storeTensor(const Tensor& t, uint64_t address, const std::vector<double>& sums, const Blend& blend);
void storeFilter(const Filter& f, uint64_t address, const std::vector<double>& sums, const Blend& blend);
