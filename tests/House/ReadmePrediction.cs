using Graft;
using Graft.Importers.Images;
using Graft.Weights;

namespace Outside;

/// <summary>The second example of the README, compiled and run; the test beside it holds the README to this text.</summary>
internal static class ReadmePrediction
{
    public static void Run()
    {
        Model model = ModelFile.Load("pets.graft", compile: false).Model;     // load it once, without what a training would need
        var reader = new ImageReader(model.Preprocessing!);                   // resizes and prepares pixels as in the training

        byte[] upload = File.ReadAllBytes("cat.jpg");                         // any bytes of a JPEG, PNG, ...
        float[] x = reader.Read(upload, "cat.jpg");                           // the name stands in errors
        float[] y = model.Predict(x, reader.Shape.Prepend(1))[0];             // [1,224,224,3] -> one row of outputs
        Console.WriteLine($"{model.ClassNames[1]}: {y[0]:F4}");               // two classes: the probability of the second
    }
}
