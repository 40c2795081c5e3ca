// One step of Nadam over all tensors; bound by memory: 28 bytes a number.

#include "Packs.cuh"
#include "Step.cuh"

struct Nadam
{
    float rate, beta1, beta2, epsilon, mean_share, gradient_share, correction;

    __device__ float move(float w, float g, float& mean, float& square, float&) const
    {
        mean = mean + (g - mean) * (1.0f - beta1); // beta1 m + (1 - beta1) g
        square = square + (g * g - square) * (1.0f - beta2);
        return w - rate * (mean_share * mean + gradient_share * g) / (sqrtf(square * correction) + epsilon);
    }
};

extern "C" __global__ void nadam_step(const StepEntry* entries, int tensors, float rate, float beta1, float beta2, float epsilon, float mean_share, float gradient_share, float correction)
{
    step_chunk<3>(step_entry(entries, tensors), Nadam{rate, beta1, beta2, epsilon, mean_share, gradient_share, correction});
}
