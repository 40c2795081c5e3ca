// How an engine works inside, in nine stops: numbers, gradients, frozen layers, a training loop, kernels, the plan, the cache, memory, threads.
//
//   dotnet run samples/Tour.cs
//
// docs/tour.md walks along it: what each stop shows, where it is written in the engine, and what to change to see more.
#:project ../src/Models/Models.csproj

using System.Diagnostics;
using System.Globalization;
using Graft;
using Graft.Autograd;
using Graft.Inference;
using Graft.Kernels;
using Graft.Layers;
using Graft.Models;
using Graft.Ops;
using Graft.Training;

CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
var random = new Random(1);

// 1. A tensor is a shape and a stretch of a device's memory; an op makes a new one of others, and a tape runs it. y = x w + b:
Stop("A tensor, an op");
float[] x = [1, 2, 3, 4, 5, 6], w = [1, 0, 0, 1, 1, 1], b = [10, 20];
using (var tape = new Tape(Device.Cpu))
{
    Tensor y = tape.Run(new DenseOp(), tape.Constant(new Shape(2, 3), x), tape.Constant(new Shape(3, 2), w), tape.Constant(new Shape(2), b));
    Console.WriteLine($"[2,3] times [3,2] is {y.Shape}: {string.Join(" ", y.ToArray())}");
}

// 2. Asked for a gradient, the tape notes down what it runs, and plays it backwards: each op says what a small change of its output means for its inputs.
Stop("A gradient");
using (var tape = new Tape(Device.Cpu))
{
    Tensor weight = tape.Constant(new Shape(3, 2), w);
    tape.Watch(weight);
    tape.Backward(MeanSquare(tape, weight));
    Console.WriteLine($"Backward says that the loss changes by {tape.Gradient(weight)!.ToArray()[0]:F3} for each unit of w[0,0];");
}
float nudge = 0.01f, up = LossAt(nudge), down = LossAt(-nudge);
Console.WriteLine($"nudged by {nudge} up and down, it changes by {(up - down) / (2 * nudge):F3}.");

// 3. What no gradient passes through is not noted down: a frozen layer holds nothing for backward.
Stop("A frozen layer");
var network = new Sequential(1000) { new Dense(1000, Activation.ReLU), new Dense(1000, Activation.ReLU), new Dense(10) };
network.SetSeed(1);
Console.WriteLine($"All layers train: {Kept(network)}");
foreach (Layer layer in network.Layers.OfType<Dense>().Take(2))
    layer.Trainable = false;
Console.WriteLine($"The first two are frozen: {Kept(network)}");
network.Release();

// 4. Training is this loop: forward, loss, backward, and a small step of each weight against its gradient. A line is to be found, y = 2x - 1.
Stop("A training loop");
var line = new Sequential(1) { new Dense(1) };
line.SetSeed(1);
for (int step = 0; step <= 60; step++)
{
    float at = (float)(random.NextDouble() * 2 - 1);
    using var tape = new Tape(line.Device) { Training = true };
    Tensor y = line.Forward(tape, [tape.Constant(new Shape(1, 1), [at])]);
    Tensor loss = Loss.MeanSquaredError().Mean(tape, y, tape.Constant(new Shape(1, 1), [2 * at - 1]));
    tape.Backward(loss);
    foreach (Parameter p in line.Parameters)
        p.Set([.. p.Value.ToArray().Zip(tape.Gradient(p.Value)!.ToArray(), (value, gradient) => value - 0.2f * gradient)]);
    if (step % 20 == 0)
        Console.WriteLine($"step {step,2}: y = {line.Parameters[0].Value.ToArray()[0]:F3} x {line.Parameters[1].Value.ToArray()[0]:+0.000;-0.000}");
}
line.Release();

// 5. An op says what is computed, a set of kernels how. The plain loops are the specification; the fast ones have to agree with them.
Stop("Kernels");
float[] image = Random(56 * 56 * 64), filters = Random(64 * 3 * 3 * 64);
(float[] plain, double slow) = Convolve(Device.Reference);
(float[] vectors, double fast) = Convolve(Device.Cpu);
Console.WriteLine($"A 3x3 convolution, 64 to 64 channels, 56x56 pixels: plain loops {slow:F1} ms, vectors on {CpuThreads.Count} threads {fast:F2} ms, {2e-6 * 56 * 56 * 64 * 64 * 9 / fast:F0} GFLOP/s.");
Console.WriteLine($"Largest difference {Difference(plain, vectors):E1} of numbers up to {plain.Max():F1}.");

// 6. What will not change any more is compiled: fewer steps, each with an algorithm of its own, in one block of memory.
Stop("The plan");
Model resnet = ResNet.Build(18, includeTop: false, pooling: Pooling.Average);
resnet.SetSeed(1);
float[] photograph = Random(224 * 224 * 3);
(float[] opByOp, double eager) = Predict(PlanOptions.Eager);
(float[] planned, double compiled) = Predict(PlanOptions.Default);
Console.WriteLine($"ResNet18, {resnet.Layers.Count} layers: op by op {eager:F1} ms, by its plan {compiled:F1} ms. Largest difference {Difference(opByOp, planned):E1} of numbers up to {opByOp.Max():F1}.");
using (InferencePlan plan = InferencePlan.Compile(resnet))
{
    var features = new float[512];
    for (int run = 0; run < 3; run++)
        plan.Run(photograph, 1, features);
    string[] report = plan.Describe().Split('\n');
    Console.WriteLine(string.Join('\n', [.. report.Take(9), "..."]));
}

// 7. A frozen base gives the same features in every epoch; so it runs once.
Stop("The feature cache");
resnet.Trainable = false;
var model = new Sequential(224, 224, 3) { resnet, new Dense(2, Activation.Softmax) };
model.SetSeed(1);
model.Compile(new Adam(learningRate: 1e-3f), Loss.SparseCategoricalCrossEntropy(), Metric.Accuracy);
float[] images = Random(24 * 224 * 224 * 3), classes = [.. Enumerable.Range(0, 24).Select(i => (float)(i % 2))];
History history = model.Fit(new ArrayBatches(images, new Shape(224, 224, 3), classes, new Shape(1), LabelKind.Sparse, batchSize: 8), epochs: 3);
Console.WriteLine($"Seconds of the epochs: {string.Join(", ", history["seconds"].Select(s => s.ToString("F3", CultureInfo.InvariantCulture)))}. {history.Notes[0]}");

// 8. Where does the memory of a training step go? The last block of the base trains now.
Stop("Memory");
foreach (Layer layer in resnet.Layers.Where(l => l.Name.StartsWith("layer4.1", StringComparison.Ordinal)))
    layer.Trainable = true;
model.Fit(new ArrayBatches(images, new Shape(224, 224, 3), classes, new Shape(1), LabelKind.Sparse, batchSize: 8), epochs: 1);
Console.WriteLine(model.MemoryReport!.ToString(4));

// 9. However work is cut among threads, each sum is made in one fixed order: the same bits, however many there are.
Stop("Threads");
int threads = CpuThreads.Count;
float[] all = model.Predict(photograph, new Shape(1, 224, 224, 3))[0];
CpuThreads.Count = 1;
float[] one = model.Predict(photograph, new Shape(1, 224, 224, 3))[0];
CpuThreads.Count = threads;
Console.WriteLine($"{threads} threads: {all[0]:G9}; one thread: {one[0]:G9}; the same bits: {all.SequenceEqual(one)}.");
model.Release();

// The mean of the squares of x w, as a loss.
Tensor MeanSquare(Tape tape, Tensor weight)
{
    Tensor y = tape.Run(new DenseOp(), tape.Constant(new Shape(2, 3), x), weight);
    return tape.Run(new ReduceOp(ReduceFormula.Mean, []), tape.Run(new UnaryOp(UnaryFormula.Square), y));
}

float LossAt(float change)
{
    using var tape = new Tape(Device.Cpu);
    return MeanSquare(tape, tape.Constant(new Shape(3, 2), [w[0] + change, .. w[1..]])).Item();
}

string Kept(Model of)
{
    using var tape = new Tape(of.Device) { Training = true };
    of.Forward(tape, [tape.Constant(new Shape(64, 1000), Random(64 * 1000))]);
    return string.Join(", ", tape.KeptBytes.Select(k => $"{k.Key} {k.Value / 1024} KiB"));
}

(float[] Y, double Milliseconds) Convolve(Device device)
{
    using var tape = new Tape(device);
    var op = new Conv2DOp(1, 1, 1, 1, new Padding2D(1, 1, 1, 1), groups: 1);
    Tensor picture = tape.Constant(new Shape(1, 56, 56, 64), image), weights = tape.Constant(new Shape(64, 3, 3, 64), filters);
    return Fastest(device == Device.Reference ? 1 : 50, () => tape.Run(op, picture, weights), tape.Release, y => y.ToArray());
}

(float[] Y, double Milliseconds) Predict(PlanOptions options)
{
    resnet.PlanOptions = options;
    return Fastest(5, () => resnet.Predict(photograph, new Shape(1, 224, 224, 3))[0], _ => { }, y => y);
}

// The result of a run, and the time of the fastest of some.
static (float[] Y, double Milliseconds) Fastest<T>(int runs, Func<T> run, Action<T> free, Func<T, float[]> read)
{
    T result = run();
    float[] y = read(result);
    double least = double.PositiveInfinity;
    for (; runs > 0; runs--)
    {
        free(result);
        long start = Stopwatch.GetTimestamp();
        result = run();
        least = Math.Min(least, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
    }
    return (y, least);
}

static float Difference(float[] a, float[] b) => a.Zip(b, (p, q) => MathF.Abs(p - q)).Max();

float[] Random(int count) => [.. Enumerable.Range(0, count).Select(_ => (float)(random.NextDouble() - 0.5))];

void Stop(string name) => Console.WriteLine($"\n-- {name}");
