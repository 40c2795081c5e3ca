// The smoothed labels of a row, as ClassLossGeometry.cs has them: 0 throughout a row whose index names no class.
struct RowLabels
{
    const float* dense; // null where the label is an index
    int hot;            // the class of the index, or -1
    float on, off;

    __device__ float of(int k) const { return dense ? dense[k] * on + off : (k == hot ? on : 0.0f) + off; }

    // One class has a label, all others 0.
    __device__ bool is_one() const { return !dense && off == 0.0f; }
};

__device__ inline RowLabels labels_of(const float* labels, size_t row, int classes, int sparse, float smoothing)
{
    if (!sparse)
        return {labels + row * classes, -1, 1.0f - smoothing, smoothing / classes};
    float index = labels[row];
    bool exists = index >= 0.0f && index < classes;
    return {(const float*)0, exists ? (int)index : -1, 1.0f - smoothing, exists ? smoothing / classes : 0.0f};
}
