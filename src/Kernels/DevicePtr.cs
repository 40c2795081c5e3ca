namespace Graft.Kernels;

/// <summary>A typed address in the memory of the device that a kernel set runs on. DevicePtr&lt;float&gt; is not DevicePtr&lt;int&gt;.</summary>
/// <param name="Address">The address; 0 is "no memory".</param>
public readonly record struct DevicePtr<T>(nint Address)
    where T : unmanaged
{
    /// <summary>No memory: an optional argument that is absent.</summary>
    public static DevicePtr<T> Null => default;

    /// <summary>True for <see cref="Null"/>.</summary>
    public bool IsNull => Address == 0;

    /// <summary>The address of element <paramref name="index"/>.</summary>
    public unsafe DevicePtr<T> At(long index) => new(Address + (nint)(index * sizeof(T)));

    /// <summary>The address as a pointer; valid on this machine's memory only.</summary>
    public unsafe T* Pointer => (T*)Address;

    /// <summary>The address in hexadecimal digits. Not the members: a compiler ahead of time cannot print <see cref="Pointer"/>.</summary>
    public override string ToString() => $"0x{Address:x}";
}
