namespace Graft.Kernels;

/// <summary>
/// A recurrent layer over all steps, behind the product of its inputs. With f the activation, s the recurrent activation, h' the state before the step
/// (times the dropout) and x the step's row of X, gate by gate:
/// <code>
/// Simple          h = f(x + h' R)
/// Lstm            i = s(x_i + h' R_i)   j = s(x_f + h' R_f)   g = f(x_c + h' R_c)   o = s(x_o + h' R_o)
///                 c = j c' + i g        h = o f(c)
/// Gru             z = s(x_z + h' R_z)   r = s(x_r + h' R_r)   g = f(x_h + (r h') R_h)          h = z h' + (1 - z) g
/// GruResetAfter   z = s(x_z + h' R_z + B_z)   r likewise      g = f(x_h + r (h' R_h + B_h))    h = z h' + (1 - z) g
/// </code>
/// A step whose mask is 0 leaves all states as they were, and writes them.
/// </summary>
/// <remarks>
/// Shapes: see <see cref="RecurrentOperands"/>; y, dy [N,T,States U] with h before c; gates [N,T,SavedGates U] and sums [N,T,Gates U] by the number of the
/// step. The state that the GRU mixes by z is not dropped. Matches the layers LSTM, GRU and SimpleRNN of keras.layers, the masked output of which is the
/// state before (the JAX backend; TensorFlow's is 0 as long as no step counted, which differs where the initial state is not 0).
/// </remarks>
public abstract class RecurrentKernels
{
    /// <summary>Writes y; and the gates and, where <see cref="RecurrentGeometry.SavesSums"/>, the sums for backward unless they are Null.</summary>
    public abstract void Forward(in RecurrentGeometry g, in RecurrentOperands o, DevicePtr<float> y, DevicePtr<float> gates, DevicePtr<float> sums);

    /// <summary>Backward through time: writes the gradients from dy. <paramref name="work"/> has <see cref="RecurrentGeometry.WorkCount"/> floats.</summary>
    public abstract void Backward(
        in RecurrentGeometry g, in RecurrentOperands o, DevicePtr<float> y, DevicePtr<float> gates, DevicePtr<float> sums, DevicePtr<float> dy,
        in RecurrentGradients d, DevicePtr<float> work);
}
