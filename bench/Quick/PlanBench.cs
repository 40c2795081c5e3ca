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
        if (ModelCase.Network(arguments[0]) is not var (model, batch))
        {
            Console.Error.WriteLine($"'{arguments[0]}' is none of: {string.Join(", ", ModelCase.Names)}");
            return 2;
        }
        HeWeights.Fill(model, 1);
        Shape input = model.Inputs[0].Shape.Prepend(batch);
        var random = new Random(2);
        float[] pixels = [.. Enumerable.Range(0, (int)input.Count).Select(_ => (float)(random.NextDouble() * 2 - 1))];
        var output = new float[model.Outputs[0].Shape.Count * batch];
        using var plan = InferencePlan.Compile(model);
        for (int i = 0; i < Runs; i++)
            plan.Run(pixels, batch, output);
        Console.Write(plan.Describe());
        model.Release();
        return 0;
    }
}
