// One step of gradient descent over all tensors; bound by memory: 12 bytes a number, 20 with momentum.
extern "C" __global__ void sgd_step(const StepEntry* entries, int tensors, float rate, float momentum, int nesterov)
{
    const StepEntry& entry = step_entry(entries, tensors);
    OVER_STEP(i, entry)
    {
        float move = -rate * step_gradient(entry, i);
        if (momentum != 0.0f)
        {
            float velocity = momentum * entry.a[i] + move;
            entry.a[i] = velocity;
            move = nesterov ? momentum * velocity + move : velocity;
        }
        entry.w[i] += move;
    }
}
