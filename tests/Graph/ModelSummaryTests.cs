using Graft.Layers;
using Xunit;

namespace Graft.Tests.Graph;

/// <summary>The layout of Keras 3 and rich on a terminal of 80 columns, line by line.</summary>
public sealed class ModelSummaryTests
{
    private static readonly string DeviceLine = $" Device: {Device.Default} ({Device.DefaultReason})\n";

    [Fact]
    public void A_sequential_model_has_three_columns_and_no_row_for_its_input()
    {
        var model = new Sequential(4, 4, 2) { new Flatten(), new Dense(3, Activation.ReLU), new Dropout(0.5f), new Dense(1) };
        model.Layers[2].Trainable = false;
        Assert.Equal(
            """
            Model: "sequential"
            ┏━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┓
            ┃ Layer (type)                    ┃ Output Shape           ┃       Param # ┃
            ┡━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━┩
            │ flatten (Flatten)               │ (None, 32)             │             0 │
            ├─────────────────────────────────┼────────────────────────┼───────────────┤
            │ dense (Dense)                   │ (None, 3)              │            99 │
            ├─────────────────────────────────┼────────────────────────┼───────────────┤
            │ dropout (Dropout)               │ (None, 3)              │             0 │
            ├─────────────────────────────────┼────────────────────────┼───────────────┤
            │ dense_1 (Dense)                 │ (None, 1)              │             4 │
            └─────────────────────────────────┴────────────────────────┴───────────────┘
             Total params: 103 (412.00 B)
             Trainable params: 4 (16.00 B)
             Non-trainable params: 99 (396.00 B)

            """.ReplaceLineEndings("\n") + DeviceLine, model.Summary());
    }

    [Fact]
    public void A_branching_model_names_its_links_and_a_shared_layer_has_one_row()
    {
        Node image = Node.Input(new Shape(32, 32, 3), "image");
        var shared = new Conv2D(3, 3, 3) { Padding = Padding.Same, Name = "shared" };
        Node left = shared.Apply(shared.Apply(image));
        Node sum = new Add { Name = "sum_of_both_branches" }.Apply(left, image);
        var pool = new Sequential(32, 32, 3) { new GlobalAveragePooling2D(), new Dense(1200, Activation.ReLU) };
        pool.Name = "a_nested_model_of_long_name";
        pool.Trainable = false;
        var model = new Model(image, new Dense(1) { Name = "head" }.Apply(pool.Apply(sum)), "grafted");
        Assert.Equal(
            """
            Model: "grafted"
            ┏━━━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┳━━━━━━━━━━━━┳━━━━━━━━━━━━━━━━━━━┓
            ┃ Layer (type)        ┃ Output Shape      ┃    Param # ┃ Connected to      ┃
            ┡━━━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━╇━━━━━━━━━━━━╇━━━━━━━━━━━━━━━━━━━┩
            │ image (InputLayer)  │ (None, 32, 32, 3) │          0 │ -                 │
            ├─────────────────────┼───────────────────┼────────────┼───────────────────┤
            │ shared (Conv2D)     │ (None, 32, 32, 3) │         84 │ image[0][0],      │
            │                     │                   │            │ shared[0][0]      │
            ├─────────────────────┼───────────────────┼────────────┼───────────────────┤
            │ sum_of_both_branch… │ (None, 32, 32, 3) │          0 │ shared[1][0],     │
            │ (Add)               │                   │            │ image[0][0]       │
            ├─────────────────────┼───────────────────┼────────────┼───────────────────┤
            │ a_nested_model_of_… │ (None, 1200)      │      4,800 │ sum_of_both_bran… │
            │ (Sequential)        │                   │            │                   │
            ├─────────────────────┼───────────────────┼────────────┼───────────────────┤
            │ head (Dense)        │ (None, 1)         │      1,201 │ a_nested_model_o… │
            └─────────────────────┴───────────────────┴────────────┴───────────────────┘
             Total params: 6,085 (23.77 KB)
             Trainable params: 1,285 (5.02 KB)
             Non-trainable params: 4,800 (18.75 KB)

            """.ReplaceLineEndings("\n") + DeviceLine, model.Summary());
    }

    [Fact]
    public void The_device_is_named_and_its_reason_where_nobody_chose_it()
    {
        var model = new Sequential(4) { new Dense(1) };
        Assert.EndsWith(DeviceLine, model.Summary(), StringComparison.Ordinal);
        model.MoveTo(Device.Reference == Device.Default ? Device.Cpu : Device.Reference);
        Assert.EndsWith($" Device: {model.Device}\n", model.Summary(), StringComparison.Ordinal);
    }

    [Fact]
    public void Rows_go_by_the_distance_from_the_output_and_wide_terminals_give_wide_tables()
    {
        Node x = Node.Input(new Shape(4), "x");
        Node direct = new Dense(4) { Name = "direct" }.Apply(x);
        Node a = new Dense(4) { Name = "a" }.Apply(x), b = new Dense(4) { Name = "b" }.Apply(a);
        var model = new Model(x, new Add { Name = "sum" }.Apply(direct, b));
        string[] lines = model.Summary(200).Split('\n');
        Assert.Equal(["x", "a", "direct", "b", "sum"], lines.Where(l => l.StartsWith('│')).Select(l => l.Split(' ')[1]));
        Assert.All(lines.Where(l => l.StartsWith('│')), l => Assert.Equal(108, l.Length));
        Assert.Equal(88, new Sequential(4) { new Dense(1) }.Summary(200).Split('\n')[1].Length);
    }
}
