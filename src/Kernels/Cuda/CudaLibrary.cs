namespace Graft.Kernels.Cuda;

/// <summary>A library of CUDA on this machine.</summary>
/// <param name="Name">Name for people.</param>
/// <param name="Path">Where it was found; null where it was not.</param>
/// <param name="Version">Its version; null where it was not found or does not answer.</param>
/// <param name="IsNeeded">False where the engine works without it.</param>
/// <param name="Problem">What is wrong with it, in words; null where nothing is.</param>
/// <param name="Tried">Every path that was tried before, with the loader's words.</param>
/// <param name="Install">What to do where it is missing.</param>
public sealed record CudaLibrary(string Name, string? Path, string? Version, bool IsNeeded, string? Problem, IReadOnlyList<string> Tried, string Install)
{
    /// <summary>True where it was found and works.</summary>
    public bool IsUsable => Path is not null && Problem is null;
}
