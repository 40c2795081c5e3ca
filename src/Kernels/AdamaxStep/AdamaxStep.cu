// One step of Adamax over all tensors; bound by memory: 28 bytes a number.
extern "C" __global__ void adamax_step(const StepEntry* entries, int tensors, float corrected_rate, float beta1, float beta2, float epsilon)
{
    const StepEntry& entry = step_entry(entries, tensors);
    OVER_STEP(i, entry)
    {
        float g = step_gradient(entry, i);
        float mean = entry.a[i] + (g - entry.a[i]) * (1.0f - beta1); // beta1 m + (1 - beta1) g
        float largest = larger(beta2 * entry.b[i], fabsf(g));
        entry.a[i] = mean;
        entry.b[i] = largest;
        entry.w[i] -= corrected_rate * mean / (largest + epsilon);
    }
}
