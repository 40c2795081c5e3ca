// One step of Adamax over all tensors; bound by memory: 28 bytes a number.

#include "Packs.cuh"
#include "Step.cuh"

struct Adamax
{
    float corrected_rate, beta1, beta2, epsilon;

    __device__ float move(float w, float g, float& mean, float& largest, float&) const
    {
        mean = mean + (g - mean) * (1.0f - beta1); // beta1 m + (1 - beta1) g
        largest = larger(beta2 * largest, fabsf(g));
        return w - corrected_rate * mean / (largest + epsilon);
    }
};

extern "C" __global__ void adamax_step(const StepEntry* entries, int tensors, float corrected_rate, float beta1, float beta2, float epsilon)
{
    step_chunk<3>(step_entry(entries, tensors), Adamax{corrected_rate, beta1, beta2, epsilon});
}
