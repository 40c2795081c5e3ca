namespace Graft.Bench.Quick;

/// <summary>Lines of the quick bench that are no network's forward pass: a step of training, the loading of images, a whole program.</summary>
internal interface IQuickCase
{
    /// <summary>First words of its lines.</summary>
    IReadOnlyList<string> Names { get; }

    /// <summary>Compares, measures, and prints: lines by the one, what is worth knowing by the other.</summary>
    /// <returns>False where engines disagree.</returns>
    bool Run(QuickOptions options, Action<string> line, Action<string> note);
}
