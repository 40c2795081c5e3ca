using System.CommandLine;

namespace Graft.Cli;

/// <summary>--device, which all commands that run a model have.</summary>
internal static class DeviceOption
{
    public static Option<string?> Create() => new("--device")
    {
        Description = "Where to run: cpu, cuda (the first GPU), cuda:1, or reference (slow plain loops). By default the value of GRAFT_DEVICE, or else the device that 'graft devices' shows.",
    };

    /// <summary>The device that was asked for; null where none was.</summary>
    /// <exception cref="UsageException">It names no device.</exception>
    public static Device? Read(ParseResult parsed, Option<string?> option)
    {
        if (parsed.GetValue(option) is not { } name)
            return null;
        try
        {
            return Device.Parse(name);
        }
        catch (GraftException e) when (e is not Kernels.Cuda.CudaUnavailableException)
        {
            throw new UsageException($"--device: {e.Message}");
        }
    }
}
