using Graft.Bench.Suite;
using Graft.Kernels;
using Graft.Kernels.Cuda;
using Graft.Kernels.Cuda.Native;

namespace Graft.Bench.Gpu;

/// <summary>cuDNN's pooling, softmax and batch normalisation as rungs: a handle on the compute stream, and the descriptors of one op, which a workspace gives back. All tensors are NHWC, of float32.</summary>
internal sealed class CudnnRung : IDisposable
{
    // CUDNN_PROPAGATE_NAN: a NaN wins, as in the engine's pooling.
    private const cudnnNanPropagation_t PropagateNan = (cudnnNanPropagation_t)1;
    private const cudnnSoftmaxAlgorithm_t Accurate = cudnnSoftmaxAlgorithm_t.CUDNN_SOFTMAX_ACCURATE;
    private const cudnnSoftmaxMode_t OfRows = cudnnSoftmaxMode_t.CUDNN_SOFTMAX_MODE_INSTANCE;

    private readonly Stack<Action> _ends = []; // what gives back each thing that was made
    private readonly nint _handle;

    private CudnnRung(CudaContext context)
    {
        context.Use();
        Check.Ok(Cudnn.cudnnCreate(out cudnnHandle_t handle));
        _ends.Push(() => Check.Ok(Cudnn.cudnnDestroy(handle)));
        _handle = handle.Value;
        Check.Ok(Cudnn.cudnnSetStream(handle, context.Stream.Handle));
    }

    /// <summary>A handle that ends with the workspace.</summary>
    public static CudnnRung Of(CudaKernelSet set, Workspace work) => work.Own(new CudnnRung(set.Context));

    /// <summary>y of x, with even padding; an average divides by the pixels inside the image.</summary>
    public Action Pool(PoolKind kind, in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y)
    {
        (nint pooling, nint from, nint to) = (Pooling(kind, g), Tensor(g.N, g.H, g.W, g.C), Tensor(g.N, g.OutH, g.OutW, g.C));
        return () => Check.Ok(CudnnCalls.cudnnPoolingForward(_handle, pooling, 1f, from, x.Address, 0f, to, y.Address));
    }

    /// <summary>dx of dy, and of x and y, in which cuDNN looks for the winners anew.</summary>
    public Action PoolGradient(PoolKind kind, in Pool2DGeometry g, DevicePtr<float> x, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx)
    {
        (nint pooling, nint from, nint to) = (Pooling(kind, g), Tensor(g.N, g.H, g.W, g.C), Tensor(g.N, g.OutH, g.OutW, g.C));
        return () => Check.Ok(CudnnCalls.cudnnPoolingBackward(_handle, pooling, 1f, to, y.Address, to, dy.Address, from, x.Address, 0f, from, dx.Address));
    }

    /// <summary>The softmax of each row.</summary>
    public Action Softmax(int rows, int columns, DevicePtr<float> x, DevicePtr<float> y)
    {
        nint tensor = Tensor(rows, 1, 1, columns);
        return () => Check.Ok(CudnnCalls.cudnnSoftmaxForward(_handle, Accurate, OfRows, 1f, tensor, x.Address, 0f, tensor, y.Address));
    }

    /// <summary>dx of y and dy.</summary>
    public Action SoftmaxGradient(int rows, int columns, DevicePtr<float> y, DevicePtr<float> dy, DevicePtr<float> dx)
    {
        nint tensor = Tensor(rows, 1, 1, columns);
        return () => Check.Ok(CudnnCalls.cudnnSoftmaxBackward(_handle, Accurate, OfRows, 1f, tensor, y.Address, tensor, dy.Address, 0f, tensor, dx.Address));
    }

    /// <summary>Training: y, what backward needs, and moving statistics. The moving variance follows the unbiased one, which the engine's does only as PyTorch's layer; it is not compared.</summary>
    public Action BatchNorm(
        cudnnBatchNormMode_t mode, (int N, int Size) images, in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> scale, DevicePtr<float> shift, DevicePtr<float> movingMean,
        DevicePtr<float> movingVariance, DevicePtr<float> y, DevicePtr<float> mean, DevicePtr<float> rstd)
    {
        nint tensor = Tensor(images.N, images.Size, images.Size, g.C), statistics = Statistics(tensor, mode);
        (double share, double epsilon) = (1 - (double)g.Momentum, g.Epsilon);
        return () => Check.Ok(CudnnCalls.cudnnBatchNormalizationForwardTraining(
            _handle, mode, 1f, 0f, tensor, x.Address, tensor, y.Address, statistics, scale.Address, shift.Address, share, movingMean.Address, movingVariance.Address, epsilon, mean.Address,
            rstd.Address));
    }

    /// <summary>All three gradients by what forward kept.</summary>
    public Action BatchNormGradients(
        cudnnBatchNormMode_t mode, (int N, int Size) images, in BatchNormGeometry g, DevicePtr<float> x, DevicePtr<float> dy, DevicePtr<float> scale, DevicePtr<float> mean,
        DevicePtr<float> rstd, DevicePtr<float> dscale, DevicePtr<float> dshift, DevicePtr<float> dx)
    {
        nint tensor = Tensor(images.N, images.Size, images.Size, g.C), statistics = Statistics(tensor, mode);
        double epsilon = g.Epsilon;
        return () => Check.Ok(CudnnCalls.cudnnBatchNormalizationBackward(
            _handle, mode, 1f, 0f, 1f, 0f, tensor, x.Address, tensor, dy.Address, tensor, dx.Address, statistics, scale.Address, dscale.Address, dshift.Address, epsilon, mean.Address,
            rstd.Address));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (_ends.TryPop(out Action? end))
            end();
    }

    private nint Tensor(int n, int h, int w, int c)
    {
        cudnnTensorDescriptor_t tensor = Tensor();
        Check.Ok(Cudnn.cudnnSetTensor4dDescriptor(tensor, cudnnTensorFormat_t.CUDNN_TENSOR_NHWC, cudnnDataType_t.CUDNN_DATA_FLOAT, n, c, h, w));
        return tensor.Value;
    }

    private cudnnTensorDescriptor_t Tensor()
    {
        Check.Ok(Cudnn.cudnnCreateTensorDescriptor(out cudnnTensorDescriptor_t tensor));
        _ends.Push(() => Check.Ok(Cudnn.cudnnDestroyTensorDescriptor(tensor)));
        return tensor;
    }

    private nint Statistics(nint x, cudnnBatchNormMode_t mode)
    {
        nint statistics = Tensor().Value;
        Check.Ok(CudnnCalls.cudnnDeriveBNTensorDescriptor(statistics, x, mode));
        return statistics;
    }

    private nint Pooling(PoolKind kind, in Pool2DGeometry g)
    {
        cudnnPoolingMode_t mode = kind == PoolKind.Max ? cudnnPoolingMode_t.CUDNN_POOLING_MAX_DETERMINISTIC : cudnnPoolingMode_t.CUDNN_POOLING_AVERAGE_COUNT_EXCLUDE_PADDING;
        Check.Ok(CudnnCalls.cudnnCreatePoolingDescriptor(out nint pooling));
        _ends.Push(() => Check.Ok(CudnnCalls.cudnnDestroyPoolingDescriptor(pooling)));
        Check.Ok(CudnnCalls.cudnnSetPooling2dDescriptor(pooling, mode, PropagateNan, g.R, g.S, g.Padding.Top, g.Padding.Left, g.StrideH, g.StrideW));
        return pooling;
    }
}
