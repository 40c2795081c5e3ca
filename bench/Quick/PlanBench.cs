using System.Globalization;
using Graft.Inference;
using Graft.Kernels;

namespace Graft.Bench.Quick;

/// <summary>Where the time of a forward pass goes: the plan of a network, step by step, after some runs.</summary>
internal static class PlanBench
{
    private const int Runs = 20;

    /// <summary>How it is called.</summary>
    public const string Usage = "plan NETWORK-forward-bBATCH [threads]";

    /// <summary>Prints the plan with each step's fastest of some runs.</summary>
    /// <returns>0; 2 where the arguments are not understood.</returns>
    public static int Run(ReadOnlySpan<string> arguments)
    {
        if (arguments.Length is < 1 or > 2 || (arguments.Length == 2 && !int.TryParse(arguments[1], NumberStyles.None, CultureInfo.InvariantCulture, out _)))
        {
            Console.Error.WriteLine($"usage: {Usage}; networks: {string.Join(", ", ModelCase.Names)}");
            return 2;
        }
        if (arguments.Length == 2)
            CpuThreads.Count = Math.Max(1, int.Parse(arguments[1], CultureInfo.InvariantCulture));
        if (ModelCase.Named(arguments[0]) is not ModelCase network)
        {
            Console.Error.WriteLine($"'{arguments[0]}' is none of: {string.Join(", ", ModelCase.Names)}");
            return 2;
        }
        Model model = network.Open();
        float[] pixels = ModelCase.Pixels(network.InputShape(model));
        var output = new float[network.OutputShape(model).Count];
        using var plan = InferencePlan.Compile(model);
        for (int i = 0; i < Runs; i++)
            plan.Run(pixels, network.Batch, output);
        Console.Write(plan.Describe());
        model.Release();
        return 0;
    }
}
