using System.Globalization;
using Graft.Tests.Fuzz;

// Graft.Fuzz [--minutes N | --seconds N] [--reader NAME]... [--seed S] [--findings FOLDER] [--iteration I]
// See scripts/fuzz. A worker of its own: worker TARGET SEED FROM SECONDS FOLDER.

const int DefaultSeed = 20261126;

FuzzTarget Target(string name) => FuzzTargets.All.FirstOrDefault(t => t.Name == name) ?? throw new ArgumentException($"No reader '{name}'; there are {string.Join(", ", FuzzTargets.All.Select(t => t.Name))}.");

if (args is ["worker", var reader, var seedText, var from, var time, var folder])
{
    Console.SetOut(new StreamWriter(Console.OpenStandardOutput()) { AutoFlush = true });
    new FuzzWorker(Target(reader), int.Parse(seedText, CultureInfo.InvariantCulture), folder, Console.Out).Run(long.Parse(from, CultureInfo.InvariantCulture), double.Parse(time, CultureInfo.InvariantCulture));
    return 0;
}

List<string> readers = [];
double seconds = 120;
int seed = DefaultSeed;
long? iteration = null;
string findings = Path.Combine(Path.GetTempPath(), "graft-fuzz-findings");
for (int i = 0; i + 1 < args.Length; i += 2)
{
    string value = args[i + 1];
    switch (args[i])
    {
        case "--minutes": seconds = 60 * double.Parse(value, CultureInfo.InvariantCulture); break;
        case "--seconds": seconds = double.Parse(value, CultureInfo.InvariantCulture); break;
        case "--reader": readers.Add(value); break;
        case "--seed": seed = int.Parse(value, CultureInfo.InvariantCulture); break;
        case "--findings": findings = Path.GetFullPath(value); break;
        case "--iteration": iteration = long.Parse(value, CultureInfo.InvariantCulture); break;
        default: throw new ArgumentException($"No option '{args[i]}'; there are --minutes, --seconds, --reader, --seed, --findings, --iteration.");
    }
}
if (args.Length % 2 != 0)
    throw new ArgumentException($"'{args[^1]}' has no value.");
FuzzTarget[] targets = readers.Count == 0 ? [.. FuzzTargets.All] : [.. readers.Select(Target)];

if (iteration is { } one)
{
    string again = Path.Combine(findings, "again");
    foreach (FuzzTarget target in targets)
    {
        FuzzFiles files = target.Input(seed, one);
        files.Write(again);
        Console.WriteLine($"{target.Name}, iteration {one} of seed {seed}: {string.Join(", ", files.Select(f => $"{f.Key} ({f.Value.Length} bytes)"))} in {again}");
        Console.WriteLine(FuzzOracle.Try(target, again, files.Bytes).Finding?.Text ?? "no defect");
    }
    return 0;
}

Console.WriteLine($"seed {seed}, {seconds:F0} s over {targets.Length} readers");
var run = new FuzzRun(seed, findings, Console.Out);
foreach (FuzzTarget target in targets)
    run.Run(target, seconds / targets.Length);
Console.WriteLine($"{run.Defects} defects");
return run.Defects == 0 ? 0 : 1;
