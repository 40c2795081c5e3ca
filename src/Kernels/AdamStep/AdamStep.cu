// One step of Adam over all tensors, the first of which decay; bound by memory: 28 bytes a number, 36 with AMSGrad's peak.

#include "Packs.cuh"
#include "Step.cuh"

template <bool HAS_PEAK>
struct Adam
{
    float corrected_rate, keeps, beta1, beta2, epsilon;

    __device__ float move(float w, float g, float& mean, float& square, float& peak) const
    {
        mean = mean + (g - mean) * (1.0f - beta1); // beta1 m + (1 - beta1) g
        square = square + (g * g - square) * (1.0f - beta2);
        if (HAS_PEAK)
            peak = larger(square, peak);
        return w * keeps - corrected_rate * mean / (sqrtf(HAS_PEAK ? peak : square) + epsilon);
    }
};

extern "C" __global__ void adam_step(const StepEntry* entries, int tensors, float corrected_rate, float decay, int decayed, float beta1, float beta2, float epsilon)
{
    const StepEntry& entry = step_entry(entries, tensors);
    float keeps = &entry - entries < decayed ? decay : 1.0f;
    if (entry.c)
        step_chunk<7>(entry, Adam<true>{corrected_rate, keeps, beta1, beta2, epsilon});
    else
        step_chunk<3>(entry, Adam<false>{corrected_rate, keeps, beta1, beta2, epsilon});
}
