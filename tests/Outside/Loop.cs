using Graft;
using Graft.Autograd;
using Graft.Training;

namespace Outside;

/// <summary>The training loop of docs/extending.md, written by hand.</summary>
public static class Loop
{
    public static float Run(Model model, BatchSource data, Loss loss, Optimizer optimizer, int epochs)
    {
        float last = 0;
        for (int epoch = 0; epoch < epochs; epoch++)
        {
            int step = 0;
            foreach (Batch batch in data.Epoch(epoch))
            {
                using var tape = new Tape(model.Device) { Training = true, Seed = RandomSeed.Of(0, epoch, step++) };
                Tensor y = model.Forward(tape, [tape.Constant(batch.InputShape, batch.Inputs)]);
                Tensor mean = loss.Mean(tape, y, tape.Constant(batch.LabelShape, batch.Labels));
                mean = model.AddPenalties(tape, mean);            // what regularizers cost
                last = mean.Item();
                tape.Backward(mean);
                optimizer.Apply(tape, model.Parameters);          // those that are trainable
            }
        }
        return last;
    }

    /// <summary>How each output depends on each number of one sample: a saliency map.</summary>
    public static float[] InputGradient(Model model, Shape shape, float[] sample)
    {
        using var tape = new Tape(model.Device);
        Tensor x = tape.Constant(shape, sample);
        tape.Watch(x);
        Tensor y = model.Forward(tape, [x]);
        tape.Backward(y, Enumerable.Repeat(1f, (int)y.Count).ToArray());
        return tape.Gradient(x)!.ToArray();
    }
}
