using Graft.Importers.Keras.Architecture;
using Graft.Importers.Keras.Stored;
using Graft.Layers;
using Graft.Training;

namespace Graft.Importers.Keras.Training;

/// <summary>The slots of an optimizer: from the file's order, which differs between versions, to those of this engine's parameters.</summary>
/// <remarks>
/// Keras 1 and 2: the step counter, then the first slot of every trained weight, then the second of every one. Keras 2.11 and later: counter, learning rate, then
/// the slots that are made together weight by weight (KerasSlots). Weights go in the model's order, before 2.0.6 in that of their names; those of frozen layers have none.
/// </remarks>
internal sealed class KerasOptimizerState
{
    private const int LowBits = 20; // of the counter: see Optimizer.ExportState

    private readonly Model _model;
    private readonly Optimizer _optimizer;
    private readonly KerasModelWeights _weights;
    private readonly KerasBuildContext _context;
    private readonly string? _version;
    private readonly List<(string Name, float[] Values)> _state = [];

    private KerasOptimizerState(Model model, Optimizer optimizer, KerasModelWeights weights, KerasBuildContext context, string? version) =>
        (_model, _optimizer, _weights, _context, _version) = (model, optimizer, weights, context, version);

    /// <summary>Gives the optimizer its slots, counter and rate; what does not fit is noted, and training then begins without memory.</summary>
    public static void Restore(Model model, Optimizer optimizer, KerasStoredWeights stored, KerasModelWeights weights, KerasBuildContext context, string? version)
    {
        IReadOnlyList<StoredArray> arrays = stored.OptimizerArrays();
        if (arrays.Count > 0)
            new KerasOptimizerState(model, optimizer, weights, context, version).Restore(arrays);
    }

    private void Restore(IReadOnlyList<StoredArray> arrays)
    {
        TakeScalars(arrays);
        StoredArray[] slots = [.. arrays.Where(a => a.Shape.Rank > 0)];
        string[] kinds = [.. _optimizer.SlotKinds];
        WeightArrays[] trained = [.. Trained(_weights.Raw)];
        if (slots.Length > 0 && kinds.Length > 0)
        {
            if (PlacesOf(ref slots, kinds, trained) is not { } place)
            {
                // Keras 2 forgets on loading that a nested model is frozen, and does not write it down; the slots that are there tell.
                WeightArrays[] outer = [.. Trained(_weights.Raw.Where(w => !w.Layer.Path.Contains('/', StringComparison.Ordinal)))];
                if (outer.Length == trained.Length || PlacesOf(ref slots, kinds, outer) is not { } found)
                {
                    _context.Notes.Add($"the optimizer's state has {slots.Length} arrays, which do not fit {trained.Length} trained weights with {kinds.Length} each in number or size: training begins without memory");
                    return;
                }
                (trained, place) = (outer, found);
                FreezeNested();
            }
            TakeSlots(slots, kinds, trained, place);
        }
        _optimizer.ImportState(_model, _state);
    }

    private void FreezeNested()
    {
        foreach (Model nested in _model.Layers.OfType<Model>().Where(m => m.Trainable))
        {
            nested.Trainable = false;
            _context.Notes.Add($"nested model '{nested.Name}' is frozen: the file has no optimizer slots for it");
        }
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
                yield return new WeightArrays(layer, arrays[i].Name, count, arrays[i].Shape.Count);
        }
    }

    /// <summary>
    /// How a slot is found among the arrays: by kind, weight and number of weights. Null where the arrays are not as many as the slots, or in no known order of their
    /// sizes. What stands in for slots that are not kept is taken away.
    /// </summary>
    private Func<int, int, int>? PlacesOf(ref StoredArray[] slots, string[] kinds, WeightArrays[] trained)
    {
        int count = trained.Length, due = kinds.Length * count;
        if (slots.Length == due + count && slots.Skip(due).All(s => s.Shape.Count == 1)) // Adam's v-hat without amsgrad in Keras 2
            slots = slots[..due];
        if (slots.Length != due)
            return null;
        int[] byName = [.. Enumerable.Range(0, count).OrderBy(w => trained[w].Name, StringComparer.Ordinal)], places = new int[count];
        for (int i = 0; i < count; i++)
            places[byName[i]] = i;
        Func<int, int, int> inOrder = (kind, weight) => kind * count + weight, together = (kind, weight) => KerasSlots.PlaceMadeTogether(kinds, kind, weight, count), sorted = (kind, weight) => kind * count + places[weight];
        Func<int, int, int>[] orders = KerasGenerations.IsFrom(_version, 2, 11) ? [together, inOrder] : KerasGenerations.IsFrom(_version, 2, 0, 6) ? [inOrder, together] : [sorted, inOrder, together];
        StoredArray[] all = slots; // where sizes do not tell the orders apart, the version does
        return Array.Find(orders, place => Enumerable.Range(0, kinds.Length).All(kind => Enumerable.Range(0, count).All(w => all[place(kind, w)].Shape.Count == trained[w].Count)));
    }

    private void TakeSlots(StoredArray[] slots, string[] kinds, WeightArrays[] trained, Func<int, int, int> place)
    {
        for (int kind = 0; kind < kinds.Length; kind++)
        {
            for (int i = 0; i < trained.Length; i += trained[i].LayerCount)
            {
                int first = i, own = kind;
                Take(trained[i].Layer, kinds[kind], _weights.Converted(trained[i].Layer, [.. Enumerable.Range(first, trained[i].LayerCount).Select(w => slots[place(own, w)])]));
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
    /// <param name="Name">Its name.</param>
    /// <param name="LayerCount">How many the layer has.</param>
    /// <param name="Count">Numbers in it.</param>
    private sealed record WeightArrays(KerasBuiltLayer Layer, string Name, int LayerCount, long Count);
}
