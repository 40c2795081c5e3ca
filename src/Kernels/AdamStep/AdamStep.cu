// One step of Adam over all tensors, the first of which decay; bound by memory: 28 bytes a number, 36 with AMSGrad's peak.
extern "C" __global__ void adam_step(const StepEntry* entries, int tensors, float corrected_rate, float decay, int decayed, float beta1, float beta2, float epsilon)
{
    const StepEntry& entry = step_entry(entries, tensors);
    float keeps = &entry - entries < decayed ? decay : 1.0f;
    OVER_STEP(i, entry)
    {
        float g = step_gradient(entry, i);
        float mean = entry.a[i] + (g - entry.a[i]) * (1.0f - beta1); // beta1 m + (1 - beta1) g
        float square = entry.b[i] + (g * g - entry.b[i]) * (1.0f - beta2);
        entry.a[i] = mean;
        entry.b[i] = square;
        if (entry.c)
            entry.c[i] = square = larger(square, entry.c[i]);
        entry.w[i] = entry.w[i] * keeps - corrected_rate * mean / (sqrtf(square) + epsilon);
    }
}
