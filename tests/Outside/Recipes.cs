using Graft;
using Graft.Autograd;
using Graft.Importers.Images;
using Graft.Kernels;
using Graft.Layers;
using Graft.Ops;
using Graft.Training;
using Graft.Weights;

namespace Outside;

/// <summary>The recipes of docs/recipes.md, each as a method.</summary>
public static class Recipes
{
    public static Model TwoPoolings(Model pretrained, int classes)
    {
        Node x = pretrained.Outputs[0];
        x = new Concatenate().Apply(new GlobalAveragePooling2D().Apply(x), new GlobalMaxPooling2D().Apply(x));
        x = new Dropout(0.3f).Apply(x);
        x = new Dense(classes, Activation.Softmax) { Name = "predictions" }.Apply(x);
        var model = new Model(pretrained.Inputs[0], x);
        return model;
    }

    public static Model Features(Model pretrained, string layer)
    {
        var features = new Model(pretrained.Inputs[0], pretrained.GetNode(layer), "features");
        return features;
    }

    public static float[] GradCam(Model model, float[] sample, int classNumber, string layer)
    {
        Node target = model.GetNode(layer), logits = model.GetNode("predictions");    // the head: Dense(classes), with the softmax behind it or in the loss
        var both = new Model(model.Inputs, [target, logits], "grad_cam");
        Shape shape = model.Inputs[0].Shape.Prepend(1);

        using var tape = new Tape(model.Device);
        Tensor x = tape.Constant(shape, sample);
        tape.Watch(x);                                                                // frozen layers ask for no gradient by themselves
        Tensor[] y = both.Run(tape, [x]);
        tape.Watch(y[0]);
        var one = new float[y[1].Count];
        one[classNumber] = 1;                                                         // the gradient of this class alone
        tape.Backward(y[1], one);
        float[] maps = y[0].ToArray(), slope = tape.Gradient(y[0])!.ToArray();

        int channels = y[0].Shape[-1], places = maps.Length / channels;               // [1,H,W,C]
        var heat = new float[places];
        for (int c = 0; c < channels; c++)
        {
            float weight = 0;
            for (int p = 0; p < places; p++)
                weight += slope[p * channels + c] / places;
            for (int p = 0; p < places; p++)
                heat[p] += weight * maps[p * channels + c];
        }
        return Array.ConvertAll(heat, h => MathF.Max(h, 0));                          // [H,W], to be scaled up to the image
    }

    public static void FreezeByName(Model pretrained, BatchSource train, BatchSource valid, Model model)
    {
        foreach (Layer layer in pretrained.Layers)
            layer.Trainable = layer.Name.StartsWith("layer4.", StringComparison.Ordinal);

        model.Compile(new AdamW(new CosineDecay(1e-3f, decaySteps: 5 * train.BatchesPerEpoch), weightDecay: 0.01f)
        {
            LearningRateFactor = p => p.LayerName == "predictions" ? 1 : 0.1f,        // the base moves a tenth as fast as the head
            Decays = AdamW.AllButBiasesAndNorms,
            GlobalClipNorm = 1,
        }, Loss.CategoricalCrossEntropy(labelSmoothing: 0.1f), Metric.Accuracy, Metric.TopK(2), Metric.MacroF1);
        model.Fit(train, epochs: 5, valid);
    }

    public static void CopyWeights(Model teacher, Model student)
    {
        WeightReport report = WeightLoader.Load(student, new ModelWeights(teacher), strict: false);
        Console.WriteLine(report);                                                    // what was copied, what was not and why
    }

    public static History Regularized(Model model, ImageFolder train, BatchSource valid, string folder)
    {
        using var average = new WeightAverage(0.99f);
        return model.Fit(new MixUp(train, alpha: 0.2f), epochs: 5, valid, new FitOptions
        {
            ClassWeights = ClassWeighting.Balanced(train.Classes),                    // a rare class counts as much as a frequent one
            Callbacks =
            [
                new ModelCheckpoint(Path.Combine(folder, "best.graft"), bestOnly: true, monitor: "val_accuracy"),
                new ReduceLROnPlateau(factor: 0.5f, patience: 2),                     // takes a number as learning rate, not a schedule
                new EarlyStopping(patience: 4),                                       // ends on the weights of the best epoch
                new CsvLogger(Path.Combine(folder, "log.csv")),
                new TensorBoard(Path.Combine(folder, "tensorboard")),
                average,                                                              // EMA: validated and kept is the moving average
            ],
        });
    }

    public static LearningRateCurve FindRate(Model model, BatchSource train)
    {
        LearningRateCurve curve = LearningRateFinder.Run(model, train);               // of a compiled model, which is left as it is
        foreach (LearningRatePoint point in curve.Points)
            Console.WriteLine($"{point.Rate:E1}  {point.Smoothed:F4}");
        model.Optimizer!.LearningRate = curve.Suggestion;
        return curve;
    }

    public static Model GoOn(Model model, BatchSource train, string path)
    {
        ModelFile.Save(model, path, model.Fit(train, epochs: 2));
        SavedModel saved = ModelFile.Load(path);
        saved.Model.Fit(train, epochs: 4, options: new FitOptions { InitialEpoch = 2, History = saved.History });
        return saved.Model;
    }

    public static Model Table(BatchSource train, int columns)
    {
        var normalization = new Normalization();                                      // (x - mean) / deviation, of each column
        normalization.Adapt(train);                                                   // or Adapt(values, shape) of an array
        var model = new Sequential(columns) { normalization, new Dense(16, Activation.ReLU), new Dense(1) };
        return model;
    }

    public static Model SeveralLabels(string table, Model pretrained, Preprocessing preprocess)
    {
        var options = new ImageFolderOptions { LabelKind = LabelKind.Binary, Resize = ResizeFilter.Bilinear, ValidationSplit = 0.2 };
        (int Height, int Width) size = (pretrained.Inputs[0].Shape[0], pretrained.Inputs[0].Shape[1]);
        ImageTable train = ImageTable.Open(table, size, batchSize: 32, preprocess, options with { Subset = Subset.Training, ShuffleSeed = 1 });
        ImageTable valid = ImageTable.Open(table, size, batchSize: 32, preprocess, options with { Subset = Subset.Validation });

        Node x = new GlobalAveragePooling2D().Apply(pretrained.Outputs[0]);
        var model = new Model(pretrained.Inputs[0], new Dense(train.ClassNames.Count, Activation.Sigmoid).Apply(x));
        model.Compile(new Adam(), Loss.BinaryCrossEntropy(), Metric.F1, Metric.MacroF1, Metric.Auc);
        model.Fit(train, epochs: 5, valid);
        return model;
    }

    public static Model Numbers(string table, Model pretrained, Preprocessing preprocess)
    {
        (int Height, int Width) size = (pretrained.Inputs[0].Shape[0], pretrained.Inputs[0].Shape[1]);
        ImageTable train = ImageTable.Open(table, size, batchSize: 32, preprocess, new ImageFolderOptions { LabelKind = LabelKind.Values, ShuffleSeed = 1 }, imageColumn: "file", labelColumns: ["age"]);
        Node x = new GlobalAveragePooling2D().Apply(pretrained.Outputs[0]);
        var model = new Model(pretrained.Inputs[0], new Dense(1).Apply(x));
        model.Compile(new Adam(), Loss.MeanSquaredError(), Metric.MeanAbsoluteError, Metric.R2Score);
        model.Fit(train, epochs: 5);
        return model;
    }

    public static (History History, float[][][] Outputs) TwoThings(ImageFolder images, Model pretrained, SampleArray known, LabelArray ages)
    {
        Node facts = Node.Input(known.Shape, "facts");
        Node x = new GlobalAveragePooling2D().Apply(pretrained.Outputs[0]);
        x = new Concatenate().Apply(x, new Dense(16, Activation.ReLU).Apply(facts));
        Node kind = new Dense(images.ClassNames.Count, Activation.Softmax) { Name = "kind" }.Apply(x), age = new Dense(1) { Name = "age" }.Apply(x);
        var model = new Model([pretrained.Inputs[0], facts], [kind, age]);

        model.Compile(new Adam(),
        [
            new OutputLoss(Loss.CategoricalCrossEntropy(), 1, Metric.Accuracy),
            new OutputLoss(Loss.MeanSquaredError(), 0.5f, Metric.MeanAbsoluteError),      // half of it counts in the sum
        ]);
        var data = new JoinedBatches(images, [known], [ages]);                            // arrays in the order of images.Files
        History history = model.Fit(data, epochs: 5);                                     // loss, kind_loss, kind_accuracy, age_loss, age_mean_absolute_error
        float[][][] y = model.PredictAll(data);                                           // of each output, a row for each photograph
        return (history, y);
    }

    public static double[] CrossValidate(ImageFolder images, Func<Model> build)
    {
        const int Folds = 5;
        int[] fold = StratifiedSplit.Folds(images.Classes, Folds, seed: 1);
        var scores = new double[Folds];
        for (int f = 0; f < Folds; f++)
        {
            ImageBatches train = images.Take([.. Enumerable.Range(0, images.Count).Where(i => fold[i] != f)], shuffleSeed: 1);
            ImageBatches valid = images.Take([.. Enumerable.Range(0, images.Count).Where(i => fold[i] == f)]);
            Model model = build();                                                    // compiled, with a new head
            scores[f] = model.Fit(train, epochs: 5, valid).Last("val_accuracy");
            model.Release();
        }
        return scores;
    }

    public static string[] Mistakes(Model model, ImageFolder images)
    {
        EvaluationResult result = model.Evaluate(images, keepPredictions: true);
        Console.WriteLine(result.Confusion);                                          // and precision, recall and F1 of each class
        float Share(int i) => result.Predictions![i][images.Classes[i]];              // what the right class was given; a softmax head
        string[] suspects = [.. Enumerable.Range(0, images.Count).OrderBy(Share).Take(20).Select(i => $"{Share(i):F3} {images.ClassNames[images.Classes[i]]} {images.Files[i]}")];
        return suspects;
    }

    public static Model UNet(Model pretrained, string[] skips, int classes)
    {
        // skips: layers of the base from its end on, each twice as large as the one before. Of ResNet50 of Keras
        // ["conv4_block6_out", "conv3_block4_out", "conv2_block3_out", "conv1_relu"]
        Node x = pretrained.Outputs[0];                                               // [N,7,7,2048]
        int filters = 256;
        foreach (string skip in skips)
        {
            x = new Concatenate().Apply(new UpSampling2D().Apply(x), pretrained.GetNode(skip));
            x = new Conv2D(filters, 3) { Padding = Padding.Same, UseBias = false }.Apply(x);
            x = new ReLU().Apply(new BatchNormalization().Apply(x));
            filters /= 2;
        }
        x = new Conv2D(classes, 1) { Name = "logits" }.Apply(new UpSampling2D().Apply(x));
        var model = new Model(pretrained.Inputs[0], x, "unet");                       // [N,224,224,classes]
        return model;
    }

    public static EvaluationResult Segment(string folder, Model pretrained, Model model)
    {
        string[] classes = ["background", "cat", "dog"];
        (int, int) size = (pretrained.Inputs[0].Shape[0], pretrained.Inputs[0].Shape[1]);
        var options = new ImageFolderOptions { LabelKind = LabelKind.Sparse, Resize = ResizeFilter.Bilinear, ValidationSplit = 0.2 };
        ImageMasks train = ImageMasks.Open($"{folder}/photographs", $"{folder}/masks", classes, size, batchSize: 8, pretrained.Preprocessing!,
            options with { Subset = Subset.Training, ShuffleSeed = 1, Augmentation = new Augmentation { HorizontalFlip = true, ZoomRange = 0.2 } },
            new MaskOptions { Ignored = 255 });
        ImageMasks valid = ImageMasks.Open($"{folder}/photographs", $"{folder}/masks", classes, size, batchSize: 8, pretrained.Preprocessing!,
            options with { Subset = Subset.Validation }, new MaskOptions { Ignored = 255 });

        pretrained.Trainable = false;
        model.Compile(new Adam(), Loss.SparseCategoricalCrossEntropy(fromLogits: true, ignoreClass: 255), Metric.Accuracy, Metric.MeanIoU);
        model.Fit(train, epochs: 10, valid);
        EvaluationResult result = model.Evaluate(valid);                              // result.Confusion counts pixels: IoU(c) of each class
        return result;
    }

    public static Loss Dice { get; } = Loss.Of("dice", (tape, prediction, labels) =>
    {
        Tensor Sum(Tensor t) => tape.Run(new ReduceOp(ReduceFormula.Sum, [1, 2, 3]), t);                // [N,H,W,1] -> [N]
        Tensor one = tape.Constant(new Shape(1), [1f]), both = Sum(tape.Run(new BinaryOp(BinaryFormula.Multiply), prediction, labels));
        Tensor above = tape.Run(new BinaryOp(BinaryFormula.Add), tape.Run(new UnaryOp(UnaryFormula.Scale, 2), both), one);
        Tensor below = tape.Run(new BinaryOp(BinaryFormula.Add), tape.Run(new BinaryOp(BinaryFormula.Add), Sum(prediction), Sum(labels)), one);
        return tape.Run(new BinaryOp(BinaryFormula.Subtract), one, tape.Run(new BinaryOp(BinaryFormula.Divide), above, below));
    }, LabelKind.Binary);
}
