// One step of RMSprop over all tensors; bound by memory: 20 bytes a number, 8 more for each of momentum and mean.

#include "Packs.cuh"
#include "Step.cuh"

template <bool HAS_MOMENTUM, bool IS_CENTERED>
struct RmsProp
{
    float rate, rho, momentum, epsilon, outer_epsilon;

    __device__ float move(float w, float g, float& mean_square, float& velocity, float& mean) const
    {
        float rest = 1.0f - rho, square = rho * mean_square + rest * g * g;
        mean_square = square;
        if (IS_CENTERED)
        {
            mean = rho * mean + rest * g;
            square -= mean * mean;
        }
        float step = rate * g / (sqrtf(square + epsilon) + outer_epsilon);
        if (HAS_MOMENTUM)
            step = velocity = step + momentum * velocity;
        return w - step;
    }
};

extern "C" __global__ void rmsprop_step(const StepEntry* entries, int tensors, float rate, float rho, float momentum, float epsilon, float outer_epsilon)
{
    const StepEntry& entry = step_entry(entries, tensors);
    if (entry.b && entry.c)
        step_chunk<7>(entry, RmsProp<true, true>{rate, rho, momentum, epsilon, outer_epsilon});
    else if (entry.b)
        step_chunk<3>(entry, RmsProp<true, false>{rate, rho, momentum, epsilon, outer_epsilon});
    else if (entry.c)
        step_chunk<5>(entry, RmsProp<false, true>{rate, rho, momentum, epsilon, outer_epsilon});
    else
        step_chunk<1>(entry, RmsProp<false, false>{rate, rho, momentum, epsilon, outer_epsilon});
}
