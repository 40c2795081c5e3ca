using Graft.Importers.Keras;
using Graft.Tests.Golden;
using Xunit;

namespace Graft.Tests.Importers.Keras.Export;

/// <summary>Real Keras files of many authors, read, written in each form and read again: the same bits, or a refusal that is known.</summary>
public sealed class KerasCorpusRoundTripTests : IDisposable
{
    // Keras 3's hard_sigmoid is another function, and it has no locally connected layers.
    private static readonly string[] s_refused = ["HardSigmoidKeras2, which Keras 3 has not", "(LocallyConnected2D) is a layer of Keras 2"];

    private const int OpenExtent = 6; // rows of an image or steps of a sequence that a file leaves open

    private readonly TemporaryFiles _files = new();

    public void Dispose() => _files.Dispose();

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(2)]
    public void Every_model_that_loads_comes_back_to_the_bit_or_is_refused_for_a_known_reason(int form)
    {
        string root = GraftShared.Path("corpora");
        var faults = new List<string>();
        int same = 0, refused = 0;
        foreach (string path in Directory.GetFiles(root, "*", SearchOption.AllDirectories).Where(IsModel).Order(StringComparer.Ordinal))
        {
            if (Load(path) is not { } model)
                continue;
            try
            {
                if (KerasRoundTrip.Difference(model, KerasForm.All[form], _files) is { } fault)
                    faults.Add($"{Path.GetRelativePath(root, path)}: {fault}");
                else
                    same++;
            }
            catch (GraftException e) when (form > 0 && Array.Exists(s_refused, r => e.Message.Contains(r, StringComparison.Ordinal)))
            {
                refused++;
            }
            catch (GraftException e)
            {
                faults.Add($"{Path.GetRelativePath(root, path)}: {e.Message}");
            }
            finally
            {
                model.Optimizer?.Dispose();
                model.Release();
            }
        }
        Assert.True(faults.Count == 0, $"{faults.Count} of {faults.Count + same}:\n{string.Join('\n', faults)}");
        Assert.True(same > 200 && refused == (form == 0 ? 0 : 66), $"{same} come back, {refused} are refused");
    }

    private static bool IsModel(string path) => Path.GetExtension(path) is ".h5" or ".hdf5" or ".keras" && !path.EndsWith("_inputs_and_outputs.h5", StringComparison.Ordinal)
        && !path.EndsWith("_weights.h5", StringComparison.Ordinal) && !path.EndsWith(".weights.h5", StringComparison.Ordinal);

    // What cannot be read is another test's matter.
    private static Model? Load(string path)
    {
        try
        {
            var shapes = KerasImport.InputsOf(path).ToDictionary(i => i.Name, i => new Shape([.. (i.Shape ?? [null]).Select(d => d ?? OpenExtent)]));
            return new KerasImport { InputShapes = shapes }.Open(path).Model;
        }
        catch (GraftException)
        {
            return null;
        }
    }
}
