using System.Text.Json.Nodes;
using Graft.Autograd;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;

namespace Graft.Adapters;

/// <summary>A low-rank adapter beside a dense weight: y = x W + b + scale dropout(x) A B.</summary>
/// <remarks>
/// x [..,I], A [I,r], B [r,O], y [..,O]; scale is alpha / r, or alpha / sqrt(r). Hu et al. 2021, arXiv:2106.09685, section 4.1; the numbers are those
/// of PEFT's lora.Linear, whose A is [r,I] and B [O,r].
/// </remarks>
public sealed class LoraAdapter
{
    private readonly LoraSettings _settings;
    private readonly Dropout _dropout;
    private float[]? _base; // the kernel as it was before it was merged

    internal LoraAdapter(LoraSettings settings, Parameter a, Parameter b)
    {
        _settings = settings;
        _dropout = new Dropout(settings.Dropout);
        (A, B) = (a, b);
    }

    /// <summary>r.</summary>
    public int Rank => _settings.Rank;

    /// <summary>Numerator of the scale.</summary>
    public float Alpha => _settings.Alpha;

    /// <summary>Share of the input that is dropped in training.</summary>
    public float DropoutRate => _settings.Dropout;

    /// <summary>True where the scale is alpha / sqrt(r).</summary>
    public bool UseRsLora => _settings.UseRsLora;

    /// <summary>What A B is multiplied by.</summary>
    public float Scale => UseRsLora ? Alpha / MathF.Sqrt(Rank) : Alpha / Rank;

    /// <summary>The first factor: [in,r], "lora_A" among the layer's parameters.</summary>
    public Parameter A { get; }

    /// <summary>The second factor: [r,out], "lora_B".</summary>
    public Parameter B { get; }

    /// <summary>True while scale A B is part of the layer's kernel, and the adapter is not computed by itself.</summary>
    public bool IsMerged => _base is not null;

    internal LoraSettings Settings => _settings;

    /// <summary>Adds the adapter's share to what the layer made; both intermediates are given back where backward does not need them.</summary>
    internal Tensor AddTo(Tape tape, Tensor y, Tensor x, Tensor a, Tensor b)
    {
        bool drops = tape.Training && DropoutRate > 0;
        Tensor input = drops ? _dropout.Forward(tape, [x]) : x;
        Tensor low = tape.Run(new DenseOp(), input, a); // [..,I] -> [..,r]
        if (drops)
            tape.Release(input);
        Tensor scaled = tape.Run(new UnaryOp(UnaryFormula.Scale, Scale), low); // r numbers a row; scaling B's result would touch all outputs
        tape.Release(low);
        Tensor share = tape.Run(new DenseOp(), scaled, b); // [..,r] -> [..,O]
        tape.Release(scaled);
        Tensor sum = tape.Run(new BinaryOp(BinaryFormula.Add), y, share);
        tape.Release(y);
        tape.Release(share);
        return sum;
    }

    /// <summary>y = residual + scale x A B, without a tape.</summary>
    /// <param name="rows">Rows of x.</param>
    /// <param name="x">[rows,in].</param>
    /// <param name="low">Room for [rows,r].</param>
    /// <param name="residual">[rows,out], or Null.</param>
    /// <param name="y">[rows,out]; not the residual.</param>
    internal void Run(int rows, DevicePtr<float> x, DevicePtr<float> low, DevicePtr<float> residual, DevicePtr<float> y)
    {
        KernelSet kernels = A.Device.Kernels;
        int inputs = A.Shape[0], outputs = B.Shape[1];
        kernels.Dense.Forward(new DenseGeometry(rows, inputs, Rank), x, A.Value.Data, DevicePtr<float>.Null, low);
        kernels.Gradient.Scale(low, (long)rows * Rank, Scale);
        kernels.Dense.Forward(new DenseGeometry(rows, Rank, outputs), low, B.Value.Data, DevicePtr<float>.Null, y);
        if (!residual.IsNull)
            kernels.Memory.Accumulate(residual, y, (long)rows * outputs, 1);
    }

    /// <summary>Adds scale A B to a kernel, and remembers what it was.</summary>
    internal void MergeInto(Tensor kernel)
    {
        float[] before = kernel.ToArray();
        KernelSet kernels = kernel.Device.Kernels;
        Tensor low = A.Value.Copy();
        try
        {
            kernels.Gradient.Scale(low.Data, low.Count, Scale);
            Tensor sum = Tensor.Filled(kernel.Device, kernel.Shape,
                t => kernels.Dense.Forward(new DenseGeometry(A.Shape[0], Rank, B.Shape[1]), low.Data, B.Value.Data, DevicePtr<float>.Null, t.Data));
            kernels.Memory.Accumulate(sum.Data, kernel.Data, kernel.Count, 1);
            kernel.MarkChanged();
            sum.Release();
        }
        finally
        {
            low.Release();
        }
        _base = before;
    }

    /// <summary>Puts the kernel back as it was, to the bit.</summary>
    internal void TakeOutOf(Tensor kernel)
    {
        kernel.Set(_base);
        _base = null;
    }
}

/// <summary>Attributes of one adapter.</summary>
internal sealed record LoraSettings(int Rank, float Alpha, float Dropout, bool UseRsLora, LoraInitialization Initialization = LoraInitialization.Kaiming)
{
    /// <summary>What A begins with.</summary>
    public Initializer InitializerOfA => Initialization == LoraInitialization.Gaussian ? Initializers.Normal(1.0 / Rank) : Initializers.KaimingUniformDense;

    /// <summary>What B begins with.</summary>
    public Initializer InitializerOfB => Initialization == LoraInitialization.Random ? Initializers.KaimingUniformDense : Initializers.Zeros;

    public JsonObject Write() => new() { ["rank"] = Rank, ["alpha"] = Alpha, ["dropout"] = Dropout, ["rank_stabilized"] = UseRsLora };

    public static LoraSettings? Read(JsonNode? json) => json is null ? null
        : new LoraSettings((int)json["rank"]!, (float)json["alpha"]!, (float)json["dropout"]!, (bool)json["rank_stabilized"]!);
}
