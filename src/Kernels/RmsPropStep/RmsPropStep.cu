// One step of RMSprop over all tensors; bound by memory: 20 bytes a number, 8 more for each of momentum and mean.
extern "C" __global__ void rmsprop_step(const StepEntry* entries, int tensors, float rate, float rho, float momentum, float epsilon, float outer_epsilon)
{
    const StepEntry& entry = step_entry(entries, tensors);
    OVER_STEP(i, entry)
    {
        float g = step_gradient(entry, i), rest = 1.0f - rho;
        float square = rho * entry.a[i] + rest * g * g;
        entry.a[i] = square;
        if (entry.c)
        {
            float mean = rho * entry.c[i] + rest * g;
            entry.c[i] = mean;
            square -= mean * mean;
        }
        float move = rate * g / (sqrtf(square + epsilon) + outer_epsilon);
        if (entry.b)
        {
            move += momentum * entry.b[i];
            entry.b[i] = move;
        }
        entry.w[i] -= move;
    }
}
