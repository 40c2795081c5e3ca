// One step of gradient descent over all tensors; bound by memory: 12 bytes a number, 20 with momentum.

#include "Packs.cuh"
#include "Step.cuh"

struct Sgd
{
    float rate;

    __device__ float move(float w, float g, float&, float&, float&) const { return w - rate * g; }
};

struct Momentum
{
    float rate, momentum;
    int nesterov;

    __device__ float move(float w, float g, float& velocity, float&, float&) const
    {
        float step = -rate * g;
        velocity = momentum * velocity + step;
        return w + (nesterov ? momentum * velocity + step : velocity);
    }
};

extern "C" __global__ void sgd_step(const StepEntry* entries, int tensors, float rate) { step_chunk<0>(step_entry(entries, tensors), Sgd{rate}); }

extern "C" __global__ void momentum_step(const StepEntry* entries, int tensors, float rate, float momentum, int nesterov)
{
    step_chunk<1>(step_entry(entries, tensors), Momentum{rate, momentum, nesterov});
}
