// One step of Adadelta over all tensors; bound by memory: 28 bytes a number.
extern "C" __global__ void adadelta_step(const StepEntry* entries, int tensors, float rate, float rho, float epsilon)
{
    const StepEntry& entry = step_entry(entries, tensors);
    OVER_STEP(i, entry)
    {
        float g = step_gradient(entry, i), last = entry.b[i];
        float square = rho * entry.a[i] + (1.0f - rho) * g * g;
        float move = sqrtf(last + epsilon) / sqrtf(square + epsilon) * g;
        entry.a[i] = square;
        entry.b[i] = rho * last + (1.0f - rho) * move * move;
        entry.w[i] -= rate * move;
    }
}
