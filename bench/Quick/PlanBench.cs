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
        try
        {
            NamedOptions options = NamedOptions.Parse(Usage, ModelCase.Names, arguments);
            ModelCase network = ModelCase.Named(options.Name) ?? throw NamedOptions.Unknown(options.Name, ModelCase.Names);
            CpuThreads.Count = options.Threads;
            Run(network);
            return 0;
        }
        catch (GraftException e)
        {
            Console.Error.WriteLine(e.Message);
            return 2;
        }
    }

    private static void Run(ModelCase network)
    {
        Model model = network.Open();
        float[] pixels = ModelCase.Pixels(network.InputShape(model));
        var output = new float[network.OutputShape(model).Count];
        using var plan = InferencePlan.Compile(model);
        for (int i = 0; i < Runs; i++)
            plan.Run(pixels, network.Batch, output);
        Console.Write(plan.Describe());
        model.Release();
    }
}
