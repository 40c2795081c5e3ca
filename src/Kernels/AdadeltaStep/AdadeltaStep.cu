// One step of Adadelta over all tensors; bound by memory: 28 bytes a number.

#include "Packs.cuh"
#include "Step.cuh"

struct Adadelta
{
    float rate, rho, epsilon;

    __device__ float move(float w, float g, float& square, float& moves, float&) const
    {
        square = rho * square + (1.0f - rho) * g * g;
        float step = sqrtf(moves + epsilon) / sqrtf(square + epsilon) * g;
        moves = rho * moves + (1.0f - rho) * step * step;
        return w - rate * step;
    }
};

extern "C" __global__ void adadelta_step(const StepEntry* entries, int tensors, float rate, float rho, float epsilon)
{
    step_chunk<3>(step_entry(entries, tensors), Adadelta{rate, rho, epsilon});
}
