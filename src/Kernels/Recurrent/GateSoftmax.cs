namespace Graft.Kernels;

/// <summary>A softmax over the units of a gate: nobody's choice for speed, so plain loops serve both kernel sets.</summary>
internal static unsafe class GateSoftmax
{
    /// <summary>y = softmax(x) or its logarithm; y may be x.</summary>
    public static void Forward(float* x, float* y, int count, bool log)
    {
        double largest = double.NegativeInfinity, sum = 0;
        for (int i = 0; i < count; i++)
            largest = Math.Max(largest, x[i]); // subtracted: no exponential overflows
        for (int i = 0; i < count; i++)
            sum += Math.Exp(x[i] - largest);
        for (int i = 0; i < count; i++)
            y[i] = (float)(log ? x[i] - largest - Math.Log(sum) : Math.Exp(x[i] - largest) / sum);
    }

    /// <summary>Turns the gradient of y into that of x, in place.</summary>
    public static void Backward(float* y, float* d, int count, bool log)
    {
        double sum = 0;
        for (int i = 0; i < count; i++)
            sum += log ? d[i] : (double)d[i] * y[i];
        for (int i = 0; i < count; i++)
            d[i] = (float)(log ? d[i] - Math.Exp(y[i]) * sum : y[i] * (d[i] - sum));
    }
}
