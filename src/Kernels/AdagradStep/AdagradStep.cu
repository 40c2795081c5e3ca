// One step of Adagrad over all tensors; bound by memory: 20 bytes a number.

#include "Packs.cuh"
#include "Step.cuh"

struct Adagrad
{
    float rate, epsilon, outer_epsilon;

    __device__ float move(float w, float g, float& sum, float&, float&) const
    {
        sum = sum + g * g;
        return w - rate * g / (sqrtf(sum + epsilon) + outer_epsilon);
    }
};

extern "C" __global__ void adagrad_step(const StepEntry* entries, int tensors, float rate, float epsilon, float outer_epsilon)
{
    step_chunk<1>(step_entry(entries, tensors), Adagrad{rate, epsilon, outer_epsilon});
}
