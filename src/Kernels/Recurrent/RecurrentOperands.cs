namespace Graft.Kernels;

/// <summary>What a recurrent layer reads. All but the first two may be Null.</summary>
/// <param name="X">[N,T,Gates U]: the inputs times their weights, with the bias; Null in backward.</param>
/// <param name="R">[U,Gates U]: the recurrent weights, gate beside gate.</param>
/// <param name="B">[Gates U]: a bias of the recurrent product; for reset-after alone.</param>
/// <param name="Initial">[N,States U]: the states before the first step; Null is zeros.</param>
/// <param name="Dropout">[N,U]: what the state is multiplied by before each product, 0 or 1 / (1 - rate).</param>
/// <param name="Mask">[N,T]: 0 where a step of the input does not count.</param>
public readonly record struct RecurrentOperands(
    DevicePtr<float> X, DevicePtr<float> R, DevicePtr<float> B, DevicePtr<float> Initial, DevicePtr<float> Dropout, DevicePtr<float> Mask);

/// <summary>Where a recurrent layer's gradients go. R, B and Initial may be Null: not wanted.</summary>
/// <param name="X">[N,T,Gates U]; always written.</param>
/// <param name="R">[U,Gates U].</param>
/// <param name="BetaR">0 writes, 1 adds.</param>
/// <param name="B">[Gates U].</param>
/// <param name="BetaB">0 writes, 1 adds.</param>
/// <param name="Initial">[N,States U].</param>
/// <param name="BetaInitial">0 writes, 1 adds.</param>
public readonly record struct RecurrentGradients(
    DevicePtr<float> X, DevicePtr<float> R, float BetaR, DevicePtr<float> B, float BetaB, DevicePtr<float> Initial, float BetaInitial);
