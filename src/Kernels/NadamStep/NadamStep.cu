// One step of Nadam over all tensors; bound by memory: 28 bytes a number.
extern "C" __global__ void nadam_step(const StepEntry* entries, int tensors, float rate, float beta1, float beta2, float epsilon, float mean_share, float gradient_share, float correction)
{
    const StepEntry& entry = step_entry(entries, tensors);
    OVER_STEP(i, entry)
    {
        float g = step_gradient(entry, i);
        float mean = entry.a[i] + (g - entry.a[i]) * (1.0f - beta1); // beta1 m + (1 - beta1) g
        float square = entry.b[i] + (g * g - entry.b[i]) * (1.0f - beta2);
        entry.a[i] = mean;
        entry.b[i] = square;
        entry.w[i] -= rate * (mean_share * mean + gradient_share * g) / (sqrtf(square * correction) + epsilon);
    }
}
