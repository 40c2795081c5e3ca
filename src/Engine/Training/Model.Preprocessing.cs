using Graft.Training;

namespace Graft;

public partial class Model
{
    private Preprocessing? _preprocessing;

    /// <summary>How pixels become this model's input; null where nobody chose.</summary>
    /// <remarks>
    /// Loading published weights sets it, as does the first <see cref="Fit"/> on images. A model without one has that of the model in it which
    /// reads its input: a head on a pretrained base takes what the base takes. A model file stores it.
    /// </remarks>
    public Preprocessing? Preprocessing
    {
        get => _preprocessing ?? InnerModels().Select(m => m.Preprocessing).FirstOrDefault(p => p is not null);
        set => _preprocessing = value;
    }

    /// <summary>The preprocessing, for those who are about to feed pixels.</summary>
    /// <exception cref="GraftException">Nobody chose one; the message names the choices.</exception>
    public Preprocessing RequirePreprocessing() => PreprocessingChoice.Require(Preprocessing, $"Model '{Name}'");

    private IEnumerable<Model> InnerModels() => _order.Where(n => n.Inputs.Any(i => i.Layer is Layers.InputLayer)).Select(n => n.Layer).OfType<Model>();
}
