using Graft.Autograd;
using Graft.Kernels;
using Graft.Ops;
using Xunit;

namespace Graft.Tests.Autograd;

public sealed class TapeTests
{
    [Fact]
    public void A_tensor_read_twice_gets_the_sum_of_both_gradients()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(2), [3f, -4]);
        tape.Watch(x);
        Tensor y = tape.Run(new DenseOp(), tape.Run(new ReshapeOp(1, 2), x), tape.Run(new ReshapeOp(2, 1), x)); // x · x
        tape.Backward(y);
        Assert.Equal(25, y.Item());
        Assert.Equal([6, -8], tape.Gradient(x)!.ToArray());
    }

    [Fact]
    public void An_intermediate_result_that_is_watched_keeps_its_gradient()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(1, 2), [3f, -4]), w = tape.Constant(new Shape(2, 2), [1f, 2, 3, 4]);
        tape.Watch(x);
        Tensor watched = tape.Run(new DenseOp(), x, w), other = tape.Run(new UnaryOp(UnaryFormula.Scale, 2), watched);
        tape.Watch(watched); // after it was recorded
        Tensor viewed = tape.Run(new ReshapeOp(2), other);
        tape.Watch(viewed);
        tape.Backward(tape.Run(new UnaryOp(UnaryFormula.Scale, 5), viewed), [1, -1]);
        Assert.Equal([10, -10], tape.Gradient(watched)!.ToArray());
        Assert.Equal([5, -5], tape.Gradient(viewed)!.ToArray());
        Assert.Equal([-10, -10], tape.Gradient(x)!.ToArray()); // (10, -10) W'
        Assert.Null(tape.Gradient(other)); // nobody asked for it
    }

    [Fact]
    public void The_gradient_of_a_view_stays_where_it_is_and_is_added_where_there_is_one()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(2, 3), [1f, 2, 3, 4, 5, 6]);
        tape.Watch(x);
        GradientAddress before = new(), behind = new();
        Tensor seen = tape.Run(before, x);
        tape.Backward(tape.Run(behind, tape.Run(new ReshapeOp(6), seen)), [1f, 2, 3, 4, 5, 6]);
        Assert.Equal(behind.Seen, before.Seen);
        Assert.Equal([1f, 2, 3, 4, 5, 6], tape.Gradient(x)!.ToArray());

        using var twice = new Tape(Device.Cpu);
        Tensor y = twice.Constant(new Shape(2), [1f, 2]);
        twice.Watch(y);
        Tensor a = twice.Run(new ReshapeOp(1, 2), y), b = twice.Run(new ReshapeOp(1, 2), y);
        twice.Backward(twice.Run(new BinaryOp(BinaryFormula.Subtract), twice.Run(new UnaryOp(UnaryFormula.Scale, 3), a), b), [1f, 10]);
        Assert.Equal([2f, 20], twice.Gradient(y)!.ToArray());
    }

    [Fact]
    public void What_is_not_watched_is_not_recorded_and_can_be_given_back()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(1, 2), [1f, 2]);
        Tensor y = tape.Run(new DenseOp(), x, tape.Constant(new Shape(2, 2), [1f, 2, 3, 4]));
        Assert.Empty(tape.KeptBytes);
        tape.Release(x);
        Assert.Throws<InvalidOperationException>(() => x.ToArray());
        Assert.Throws<InvalidOperationException>(() => tape.Backward(y, [1, 1]));
    }

    [Fact]
    public void A_tape_runs_backward_once()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor w = tape.Constant(new Shape(1, 1), [2f]);
        tape.Watch(w);
        Tensor y = tape.Run(new DenseOp(), tape.Constant(new Shape(1, 1), [3f]), w);
        tape.Backward(y);
        Assert.Throws<InvalidOperationException>(() => tape.Backward(y));
    }

    [Fact]
    public void A_loss_of_more_than_one_number_is_refused()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(2), [1f, 2]);
        Assert.Contains("[2]", Assert.Throws<ShapeException>(() => tape.Backward(x)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_cancelled_step_stops_at_the_next_op()
    {
        using var source = new CancellationTokenSource();
        using var tape = new Tape(Device.Cpu) { CancellationToken = source.Token };
        Tensor x = tape.Constant(new Shape(2), [1f, 2]);
        source.Cancel();
        Assert.Throws<OperationCanceledException>(() => tape.Run(new ReshapeOp(1, 2), x));
    }

    [Fact]
    public void An_error_in_a_shape_rule_names_the_layer()
    {
        using var tape = new Tape(Device.Cpu) { Layer = "head" };
        var error = Assert.Throws<ShapeException>(() => tape.Run(new DenseOp(), tape.Constant(new Shape(1, 3), new float[3]), tape.Constant(new Shape(2, 2), new float[4])));
        Assert.Contains("'head'", error.Message, StringComparison.Ordinal);
        Assert.Contains("[1,3]", error.Message, StringComparison.Ordinal);
        Assert.Contains("[2,2]", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_tensor_that_is_added_to_itself_gets_both_contributions()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(3), [1f, 2f, 3f]);
        tape.Watch(x);
        tape.Backward(tape.Run(new BinaryOp(BinaryFormula.Add), x, x), [1f, 10f, 100f]);
        Assert.Equal([2f, 20f, 200f], tape.Gradient(x)!.ToArray());
    }

    [Fact]
    public void Gradients_that_passed_through_a_sum_do_not_change_with_each_other()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor a = tape.Constant(new Shape(2), [1f, 2f]), b = tape.Constant(new Shape(2), [3f, 4f]);
        tape.Watch(a);
        tape.Watch(b);
        tape.Backward(tape.Run(new BinaryOp(BinaryFormula.Add), a, b), [5f, 6f]);
        tape.Gradient(a)!.Set([0f, 0f]); // as clipping does
        Assert.Equal([5f, 6f], tape.Gradient(b)!.ToArray());
    }

    [Fact]
    public void A_residual_branch_adds_its_gradient_to_the_one_that_passed_by()
    {
        // y = x + relu(x) + relu(x): both sides of each sum share a gradient until one is added to.
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(2), [2f, -2f]), relu;
        tape.Watch(x);
        relu = tape.Run(new UnaryOp(UnaryFormula.ReLU), x);
        Tensor y = tape.Run(new BinaryOp(BinaryFormula.Add), tape.Run(new BinaryOp(BinaryFormula.Add), x, relu), relu);
        tape.Backward(y, [1f, 10f]);
        Assert.Equal([3f, 10f], tape.Gradient(x)!.ToArray());
    }

    [Fact]
    public void An_op_may_write_its_gradient_over_that_of_its_output_where_nobody_else_reads_that()
    {
        using var tape = new Tape(Device.Cpu);
        Tensor x = tape.Constant(new Shape(2), [1f, 2f]);
        tape.Watch(x);
        HalfInPlace first = new(), second = new();
        Tensor half = tape.Run(first, x), quarter = tape.Run(second, half);
        tape.Backward(tape.Run(new BinaryOp(BinaryFormula.Add), quarter, half), [4f, 8f]); // y = x / 4 + x / 2
        Assert.False(second.WroteOver); // the sum hands one gradient to both of its sides
        Assert.True(first.WroteOver);
        Assert.Equal([3f, 6f], tape.Gradient(x)!.ToArray());
    }

    private sealed class HalfInPlace : Op
    {
        public bool WroteOver { get; private set; }

        public override string Name => nameof(HalfInPlace);

        public override bool KeepsInput(int index) => false;

        public override Shape InferShape(ReadOnlySpan<Shape> inputs) => inputs[0];

        public override void Forward(OpCall call) => call.Kernels.Unary.Forward(Geometry(call), call.In(0).Data, call.Output.Data);

        public override void Backward(OpCall call)
        {
            (DevicePtr<float> dx, float beta) = call.GradInPlace(0);
            WroteOver = dx == call.GradOut;
            call.Kernels.Unary.BackwardInput(Geometry(call), DevicePtr<float>.Null, DevicePtr<float>.Null, call.GradOut, dx, beta);
        }

        private static UnaryGeometry Geometry(OpCall call) => new(call.Output.Count, UnaryFormula.Scale, 0.5f);
    }

    // The identity: notes where the gradient of its output lies.
    private sealed class GradientAddress : Op
    {
        public DevicePtr<float> Seen { get; private set; }

        public override string Name => nameof(GradientAddress);

        public override Shape InferShape(ReadOnlySpan<Shape> inputs) => inputs[0];

        public override void Forward(OpCall call) => call.Kernels.Memory.Copy(call.In(0).Data, call.Output.Data, call.Output.Count);

        public override void Backward(OpCall call)
        {
            Seen = call.GradOut;
            Assert.True(call.TryPassGradient(0));
        }
    }
}
