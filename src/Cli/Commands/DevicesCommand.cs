using System.CommandLine;
using Graft.Kernels;
using Graft.Kernels.Cuda;

namespace Graft.Cli.Commands;

/// <summary>graft devices: what this machine has to run models on, and what is missing for CUDA.</summary>
internal static class DevicesCommand
{
    /// <summary>Exit code where CUDA cannot be used.</summary>
    public const int NoCuda = 3;

    public static Command Create(Terminal terminal)
    {
        var command = new Command("devices", $"Show the devices, and each library of CUDA with its place and version, or every path tried and what to install. Exit code 0: CUDA is usable; {NoCuda}: it is not.");
        command.SetAction(_ =>
        {
            CudaDiagnosis diagnosis = CudaDiagnosis.Run();
            terminal.Line($"cpu          {Environment.ProcessorCount} processors, {CpuThreads.Count} threads, vectors of {CpuVectors.Bits} bits{Missed()}");
            terminal.Line($"Default      {Default()}");
            foreach (string line in diagnosis.ToString().TrimEnd('\n').Split('\n'))
                terminal.Line(line);
            return diagnosis.IsUsable ? Application.Done : NoCuda;
        });
        return command;
    }

    private static string Missed() =>
        CpuVectors.Missed is { } bits ? $"; this processor has {bits}: compile this program with IlcInstructionSet, as docs/deploying.md says" : "";

    /// <summary>The default device and why it is that; a variable that names no device of this machine is said, as the report below tells why.</summary>
    private static string Default()
    {
        try
        {
            return $"{Device.Default}: {Device.DefaultReason}";
        }
        catch (CudaUnavailableException)
        {
            return $"none: GRAFT_DEVICE is {Environment.GetEnvironmentVariable("GRAFT_DEVICE")}, which is not usable here";
        }
    }
}
