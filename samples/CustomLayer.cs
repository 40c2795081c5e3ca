// A layer and an op of one's own in six steps: bumps in the plane, whose places are learned.
//
//   dotnet run samples/CustomLayer.cs
//
// --epochs N and --output FILE are there too. docs/extending.md has more: blocks of layers, losses, optimizers.
#:project ../src/Models/Models.csproj

using System.Globalization;
using System.Text.Json.Nodes;
using Graft;
using Graft.Autograd;
using Graft.Layers;
using Graft.Ops;
using Graft.Training;
using Graft.Weights;

string output = Option("--output") ?? "bumps.graft";
int epochs = int.Parse(Option("--epochs") ?? "30", CultureInfo.InvariantCulture);

// 1. A task: is a point of the plane within a ring? No straight line parts the two kinds.
var random = new Random(1);
float[] points = [.. Enumerable.Range(0, 1200).Select(_ => (float)(4 * random.NextDouble() - 2))];
float[] labels = [.. points.Chunk(2).Select(p => MathF.Sqrt(p[0] * p[0] + p[1] * p[1]) is > 0.7f and < 1.5f ? 1f : 0f)];
var train = new ArrayBatches(points[..1000], new Shape(2), labels[..500], new Shape(1), LabelKind.Binary, batchSize: 20, shuffleSeed: 1);
var valid = new ArrayBatches(points[1000..], new Shape(2), labels[500..], new Shape(1), LabelKind.Binary);

// 2. Is the op's backward the gradient of its forward? Finite differences say so, or throw.
GradientCheck.Run(Device.Cpu, (tape, x) => tape.Run(new BumpOp(), x[0], x[1]), [(new Shape(3, 2), points[..6]), (new Shape(4, 2), points[6..14])]);
Console.WriteLine("The gradient of the op is right.");

// 3. A model with the layer, which is at the end of this file.
var model = new Sequential(2) { new Bumps(24) { Name = "bumps" }, new Dense(1, Activation.Sigmoid) { Name = "ring" } };
model.SetSeed(1);
Console.WriteLine(model.Summary());

// 4. A training loop by hand: a tape a step, forward, loss, backward, move.
using var adam = new Adam(learningRate: 0.03f);
Loss loss = Loss.BinaryCrossEntropy();
for (int epoch = 0; epoch < epochs; epoch++)
{
    double sum = 0;
    int step = 0;
    foreach (Batch batch in train.Epoch(epoch))
    {
        using var tape = new Tape(model.Device) { Training = true, Seed = RandomSeed.Of(0, epoch, step++) };
        Tensor prediction = model.Forward(tape, [tape.Constant(batch.InputShape, batch.Inputs)]);
        Tensor mean = loss.Mean(tape, prediction, tape.Constant(batch.LabelShape, batch.Labels));
        sum += mean.Item() * batch.Size;
        tape.Backward(mean);
        adam.Apply(tape, model.Parameters);
    }
    if (epoch % 5 == 4 || epoch == epochs - 1)
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"Epoch {epoch + 1}: loss {sum / train.Count:F3}"));
}

// 5. Save it, and make it again: the file has the layer's class name, config and weights; the program says how the class is made.
ModelFile.Save(model, output);
var own = new CustomLayers { { "Bumps", config => new Bumps((int)config["units"]!) } };
Model again = ModelFile.Load(output, own).Model;
float[] sample = [0.0f, 1.1f];
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"At (0, 1.1), saved: {model.Predict(sample, new Shape(1, 2))[0][0]:F6}, loaded: {again.Predict(sample, new Shape(1, 2))[0][0]:F6}"));

// 6. It is a model like any other: Evaluate and Fit take it.
again.Compile(new Adam(learningRate: 0.003f), loss, Metric.Accuracy);
History history = again.Fit(train, epochs: 2, valid);
Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"val_accuracy={history.Last("val_accuracy"):F4}"));
model.Release();
again.Release();

string? Option(string name) => Array.IndexOf(args, name) is var i and >= 0 && i + 1 < args.Length ? args[i + 1] : null;

/// <summary>Bumps at learned places: y_k = exp(-|x - c_k|²). Broomhead and Lowe 1988.</summary>
internal sealed class Bumps(int units) : Layer
{
    private Parameter? _centers;

    public override Shape OutputShape(ReadOnlySpan<Shape> inputs) =>          // without the batch axis: [D] -> [K]
        inputs[0].Rank == 1 ? new Shape(units) : throw new ShapeException($"takes points [D], not {inputs[0]}.");

    protected override void CreateParameters(ReadOnlySpan<Shape> inputs) => _centers = AddParameter("centers", new Shape(units, inputs[0][0]), Initializers.Normal(1));

    public override Tensor Forward(Tape tape, ReadOnlySpan<Tensor> inputs) => tape.Run(new BumpOp(), inputs[0], Use(tape, _centers!));

    protected override void WriteConfig(JsonObject config) => config["units"] = units;
}

/// <summary>y[n,k] = exp(-|x_n - c_k|²), for x [N,D] and c [K,D]; on the host, so that a GPU waits for it.</summary>
internal sealed class BumpOp : Op
{
    public override string Name => "Bump";

    public override bool KeepsOutput => true;                                 // backward reads it

    public override Shape InferShape(ReadOnlySpan<Shape> inputs) => inputs is [{ Rank: 2 } x, { Rank: 2 } c] && x[1] == c[1] ? new Shape(x[0], c[0])
        : throw new ShapeException($"Bump: points {inputs[0]} and centers {inputs[1]} do not fit; they are [N,D] and [K,D].");

    public override void Forward(OpCall call)
    {
        ReadOnlySpan<float> x = call.HostIn(0), c = call.HostIn(1);
        int units = call.In(1).Shape[0], axes = call.In(1).Shape[1];
        var y = new float[call.Output.Count];
        for (int i = 0; i < y.Length; i++)
        {
            float distance = 0;
            for (int d = 0; d < axes; d++)
            {
                float way = x[i / units * axes + d] - c[i % units * axes + d];
                distance += way * way;
            }
            y[i] = MathF.Exp(-distance);
        }
        call.Output.Set(y);
    }

    public override void Backward(OpCall call)                                // dy/dx = -2 (x - c) y, dy/dc = 2 (x - c) y
    {
        ReadOnlySpan<float> x = call.HostIn(0), c = call.HostIn(1), y = call.HostOutput(), dy = call.HostGradOut();
        int units = call.In(1).Shape[0], axes = call.In(1).Shape[1];
        float[] dx = new float[x.Length], dc = new float[c.Length];
        for (int i = 0; i < y.Length; i++)
        {
            for (int d = 0; d < axes; d++)
            {
                int of = i / units * axes + d, at = i % units * axes + d;
                float share = 2 * (x[of] - c[at]) * y[i] * dy[i];
                dx[of] -= share;
                dc[at] += share;
            }
        }
        call.AddGradIn(0, dx);                                                // does nothing where no gradient of x is wanted
        call.AddGradIn(1, dc);
    }
}
