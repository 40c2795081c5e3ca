namespace Graft.Kernels;

/// <summary>
/// Self-attention in which a token sees itself and those before it. For each head, with q, k, v [T,D] its slices of qkv:
/// <code>
/// s[i,j] = scale sum over d of q[i,d] k[j,d]          for j up to i
/// p[i,j] = exp(s[i,j] - lse[i])                        lse[i] = log of the sum over j of exp s[i,j]
/// y[i,d] = sum over j of m[i,j] p[i,j] v[j,d]
/// </code>
/// where m is 1, or the mask of a dropout.
/// </summary>
/// <remarks>
/// Shapes: qkv, dqkv [N,T,3 C] with queries, keys and values one after the other in the last axis and heads side by side in each, as GPT-2's
/// c_attn makes them; y, dy [N,T,C]; lse [N,Heads,T]. The T x T weights are never stored: backward makes them anew from lse (Dao et al. 2022,
/// arXiv:2205.14135). m[i,j] is 0 where u is below the rate, else 1 / (1 - rate); u is the number that <see cref="DropoutKernels"/> has for the
/// element (((n Heads + h) T + i) T + j). Vaswani et al. 2017, arXiv:1706.03762, section 3.2; matches
/// torch.nn.functional.scaled_dot_product_attention with is_causal.
/// </remarks>
/// <typeparam name="T">How qkv, y and their gradients lie in memory: float, or ushort for the 16 bits of a precision.</typeparam>
public abstract class CausalAttentionKernels<T>
    where T : unmanaged
{
    /// <summary>Writes y, and lse for backward unless that is Null.</summary>
    public abstract void Forward(in CausalAttentionGeometry g, DevicePtr<T> qkv, DevicePtr<T> y, DevicePtr<float> lse);

    /// <summary>dqkv = beta dqkv + the gradient of queries, keys and values.</summary>
    public abstract void Backward(
        in CausalAttentionGeometry g, DevicePtr<T> qkv, DevicePtr<T> y, DevicePtr<float> lse, DevicePtr<T> dy, DevicePtr<T> dqkv, float beta);
}

/// <summary>The same on float32, and for generation.</summary>
public abstract class CausalAttentionKernels : CausalAttentionKernels<float>
{
    /// <summary>
    /// Appends the keys and values of the new tokens to what each sequence has, and writes y [Sequences,NewTokens,C]: new token i sees the
    /// past[n] tokens before and the new ones up to itself.
    /// </summary>
    /// <param name="g">The sizes.</param>
    /// <param name="qkv">[Sequences,NewTokens,3 C].</param>
    /// <param name="past">
    /// [Sequences]: tokens that each holds already; with the new ones at most the capacity. They and the cache may be read before the work ahead of this call, which makes qkv,
    /// is done, but not before what was handed in ahead of that.
    /// </param>
    /// <param name="keys">[Sequences,Capacity,C].</param>
    /// <param name="values">[Sequences,Capacity,C].</param>
    /// <param name="y">The output.</param>
    public abstract void ForwardCached(
        in CachedAttentionGeometry g, DevicePtr<float> qkv, DevicePtr<int> past, DevicePtr<float> keys, DevicePtr<float> values, DevicePtr<float> y);
}
