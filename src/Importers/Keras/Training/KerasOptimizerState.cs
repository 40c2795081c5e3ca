using Graft.Importers.Keras.Architecture;
using Graft.Importers.Keras.Stored;
using Graft.Layers;
using Graft.Training;

namespace Graft.Importers.Keras.Training;

/// <summary>The slots of an optimizer: from the file's order, which differs between versions, to those of this engine's parameters.</summary>
/// <remarks>
/// Keras 1 and 2: the step counter, then the first slot of every trained weight, then the second of every one. Keras 2.11 and later: counter, learning rate, then all
/// slots of the first weight, all of the second. Weights go in the model's order; those of frozen layers have none.
/// </remarks>
internal sealed class KerasOptimizerState
{
    private const int LowBits = 20; // of the counter: see Optimizer.ExportState

    private readonly Model _model;
    private readonly Optimizer _optimizer;
    private readonly KerasModelWeights _weights;
    private readonly KerasBuildContext _context;
    private readonly List<(string Name, float[] Values)> _state = [];

    private KerasOptimizerState(Model model, Optimizer optimizer, KerasModelWeights weights, KerasBuildContext context) =>
        (_model, _optimizer, _weights, _context) = (model, optimizer, weights, context);

    /// <summary>Gives the optimizer its slots, counter and rate; what does not fit is noted, and training then begins without memory.</summary>
    public static void Restore(Model model, Optimizer optimizer, KerasStoredWeights stored, KerasModelWeights weights, KerasBuildContext context)
    {
        IReadOnlyList<StoredArray> arrays = stored.OptimizerArrays();
        if (arrays.Count > 0)
            new KerasOptimizerState(model, optimizer, weights, context).Restore(arrays);
    }

    private void Restore(IReadOnlyList<StoredArray> arrays)
    {
        TakeScalars(arrays);
        StoredArray[] slots = [.. arrays.Where(a => a.Shape.Rank > 0)];
        string[] kinds = [.. _optimizer.SlotKinds];
        WeightArrays[] trained = [.. Trained(_weights.Raw)];
        if (slots.Length > 0 && kinds.Length > 0 && !Fits(ref slots, kinds.Length, trained))
        {
            // Keras 2 forgets on loading that a nested model is frozen, and does not write it down; the slots that are there tell.
            WeightArrays[] outer = [.. Trained(_weights.Raw.Where(w => !w.Layer.Path.Contains('/', StringComparison.Ordinal)))];
            if (outer.Length == trained.Length || !Fits(ref slots, kinds.Length, outer))
            {
                _context.Notes.Add($"the optimizer's state has {slots.Length} arrays, which do not fit {trained.Length} trained weights with {kinds.Length} each: training begins without memory");
                return;
            }
            trained = outer;
            foreach (Model nested in _model.Layers.OfType<Model>().Where(m => m.Trainable))
            {
                nested.Trainable = false;
                _context.Notes.Add($"nested model '{nested.Name}' is frozen: the file has no optimizer slots for it");
            }
        }
        if (slots.Length > 0 && kinds.Length > 0)
            TakeSlots(slots, kinds, trained);
        _optimizer.ImportState(_model, _state);
    }

    private void TakeScalars(IReadOnlyList<StoredArray> arrays)
    {
        StoredArray[] scalars = [.. arrays.Where(a => a.Shape.Rank == 0)];
        if (scalars.Length > 0)
        {
            double steps = scalars[0].Read()[0];
            _state.Add(("iterations", [(float)((long)steps >> LowBits), (float)((long)steps & ((1 << LowBits) - 1))]));
        }
        // Keras 2.11 and later store the rate behind the counter; other scalars are Nadam's product, which follows from the counter.
        if (scalars.Length > 1 && (scalars[1].Name.Contains("learning_rate", StringComparison.Ordinal) || scalars[1].Name == "1"))
            _state.Add(("learning_rate", scalars[1].Read()));
    }

    private static IEnumerable<WeightArrays> Trained(IEnumerable<(KerasBuiltLayer Layer, IReadOnlyList<StoredArray> Arrays)> raw)
    {
        foreach ((KerasBuiltLayer layer, IReadOnlyList<StoredArray> arrays) in raw.Where(r => r.Layer.Layer!.Trainable))
        {
            int count = arrays.Count - layer.Layer!.Parameters.Count(p => p.IsStatistic);
            for (int i = 0; i < count; i++)
                yield return new WeightArrays(layer, i, count, arrays[i].Shape.Count);
        }
    }

    /// <summary>True where the arrays are as many as the weights' slots, and of their sizes in one of the two orders; takes away what stands in for slots that are not kept.</summary>
    private static bool Fits(ref StoredArray[] slots, int kinds, WeightArrays[] trained)
    {
        int due = kinds * trained.Length;
        bool placeholders = slots.Length == due + trained.Length && slots.Skip(due).All(s => s.Shape.Count == 1); // Adam's v-hat without amsgrad in Keras 2
        if (placeholders)
            slots = slots[..due];
        StoredArray[] all = slots;
        return all.Length == due && (Match(all, trained, i => i / kinds) || Match(all, trained, i => i % trained.Length));
    }

    private static bool Match(StoredArray[] slots, WeightArrays[] trained, Func<int, int> weightOf) =>
        !slots.Where((s, i) => s.Shape.Count != trained[weightOf(i)].Count).Any();

    private void TakeSlots(StoredArray[] slots, string[] kinds, WeightArrays[] trained)
    {
        bool byWeight = Match(slots, trained, i => i / kinds.Length), byKind = Match(slots, trained, i => i % trained.Length);
        if (byWeight && byKind) // equal shapes throughout: names, or Keras 2.11's learning rate, tell the generation
            byWeight = _state.Exists(s => s.Name == "learning_rate");
        for (int kind = 0; kind < kinds.Length; kind++)
        {
            for (int i = 0; i < trained.Length; i += trained[i].LayerCount)
            {
                int first = i, own = kind;
                StoredArray[] arrays = [.. Enumerable.Range(0, trained[i].LayerCount).Select(k => slots[byWeight ? (first + k) * kinds.Length + own : own * trained.Length + first + k])];
                Take(trained[i].Layer, kinds[kind], _weights.Converted(trained[i].Layer, arrays));
            }
        }
    }

    private void Take(KerasBuiltLayer layer, string kind, IReadOnlyList<StoredArray> arrays)
    {
        Parameter[] parameters = [.. layer.Layer!.Parameters.Where(p => !p.IsStatistic)];
        Dictionary<Parameter, string> paths = _model.NamedParameters().DistinctBy(p => p.Parameter).ToDictionary(p => p.Parameter, p => p.Path);
        for (int i = 0; i < parameters.Length; i++)
            _state.Add(($"{paths[parameters[i]]}/{kind}", _weights.Locate(layer.Path, parameters[i]).Convert(arrays[i].Read(), parameters[i].Shape)));
    }

    /// <summary>One trained array of a layer in the file.</summary>
    /// <param name="Layer">The layer.</param>
    /// <param name="Place">Its place among the layer's trained arrays.</param>
    /// <param name="LayerCount">How many the layer has.</param>
    /// <param name="Count">Numbers in it.</param>
    private sealed record WeightArrays(KerasBuiltLayer Layer, int Place, int LayerCount, long Count);
}
