namespace Graft.Kernels;

/// <summary>Where the rows of a step begin in the arrays of a recurrent layer, for CUDA's kernels and products.</summary>
/// <param name="G">Sizes.</param>
/// <param name="O">What the layer reads.</param>
/// <param name="Y">All states.</param>
/// <param name="S">The step.</param>
internal readonly record struct RecurrentStep(RecurrentGeometry G, RecurrentOperands O, DevicePtr<float> Y, int S)
{
    /// <summary>Of an array with as many numbers a unit, by the number of the step; Null stays Null.</summary>
    public DevicePtr<float> Own(DevicePtr<float> array, int numbers) => At(array, S, numbers);

    /// <summary>Of one by the inputs that steps read.</summary>
    public DevicePtr<float> AtInput(DevicePtr<float> array, int numbers) => At(array, G.Input(S), numbers);

    /// <summary>Of one by the outputs that steps write.</summary>
    public DevicePtr<float> AtOutput(DevicePtr<float> array) => At(array, G.Output(S), G.States);

    /// <summary>The mask of the step; Null where there is none.</summary>
    public DevicePtr<float> Mask => O.Mask.IsNull ? O.Mask : O.Mask.At(G.Input(S));

    /// <summary>The states before the step; Null where they are zeros.</summary>
    public DevicePtr<float> Before => S == 0 ? O.Initial : At(Y, G.Output(S - 1), G.States);

    /// <summary>Numbers from a sequence's states before the step to the next one's.</summary>
    public int BeforeStride => checked(G.States * G.U * (S == 0 ? 1 : G.T));

    private DevicePtr<float> At(DevicePtr<float> array, int step, int numbers) => array.IsNull ? array : array.At((long)step * numbers * G.U);
}

/// <summary>What a kernel of Recurrent.cu takes by value, laid out as Cell of Recurrent.cuh.</summary>
internal readonly record struct RecurrentCell(RecurrentKind Kind, int Units, int Steps, GateFunction Activation, GateFunction RecurrentActivation);
