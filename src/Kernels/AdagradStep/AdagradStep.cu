// One step of Adagrad over all tensors; bound by memory: 20 bytes a number.
extern "C" __global__ void adagrad_step(const StepEntry* entries, int tensors, float rate, float epsilon, float outer_epsilon)
{
    const StepEntry& entry = step_entry(entries, tensors);
    OVER_STEP(i, entry)
    {
        float g = step_gradient(entry, i), sum = entry.a[i] + g * g;
        entry.a[i] = sum;
        entry.w[i] -= rate * g / (sqrtf(sum + epsilon) + outer_epsilon);
    }
}
