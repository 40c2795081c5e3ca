using Graft.Layers;
using Graft.Weights;

namespace Graft.Adapters;

/// <summary>
/// Low-rank adapters on a model's Dense layers: the model's own weights stay as they are, and a pair of thin matrices beside each of some weights
/// learns what is new. Hu et al. 2021, arXiv:2106.09685.
/// </summary>
/// <example><code>
/// Lora.Attach(gpt, new LoraConfig { Rank = 8, Alpha = 16, Dropout = 0.05f, TargetModules = ["c_attn"] });
/// gpt.Fit(data, epochs: 3);
/// Lora.Merge(gpt);     // for speed; Lora.Unmerge takes it out again
/// Lora.Detach(gpt);    // an ordinary model from here on
/// </code></example>
public static class Lora
{
    /// <summary>Freezes a model and puts new adapters on it, which are all that learns. B is zero: the model computes what it did until they learn.</summary>
    /// <remarks>
    /// Layers without an adapter have <see cref="Layer.Trainable"/> false afterwards; those with one true, and <see cref="Parameter.Trainable"/> false for
    /// kernel and bias. Setting Trainable = false on the model freezes the adapters as well.
    /// </remarks>
    /// <returns>The layers that got one.</returns>
    /// <exception cref="GraftException">Nothing answers to the config, a target is no Dense layer or has an adapter already, or a setting is out of range.</exception>
    public static IReadOnlyList<LoraModule> Attach(Model model, LoraConfig config)
    {
        IReadOnlyList<LoraModule> added = Add(model, LoraTargets.Of(model, config, isStrict: true));
        Freeze(model);
        return added;
    }

    /// <summary>The same with weights from a file; where that does not fit, nothing is changed.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">What the adapters are; names that nothing in the model answers to are passed over where others do.</param>
    /// <param name="weights">The file: it holds the adapters and nothing else.</param>
    /// <param name="names">Where the file has <see cref="LoraAdapter.A"/> or <see cref="LoraAdapter.B"/> of a module, and how it lies there.</param>
    /// <exception cref="GraftException">As above; or arrays are missing, unused, misshaped or not finite: all of it is listed.</exception>
    public static IReadOnlyList<LoraModule> Attach(Model model, LoraConfig config, WeightFile weights, Func<LoraModule, Parameter, WeightName> names)
    {
        IReadOnlyList<LoraModule> added = Add(model, LoraTargets.Of(model, config, isStrict: false));
        try
        {
            Dictionary<Parameter, WeightName> places = added.SelectMany(m => new[] { m.Adapter.A, m.Adapter.B }.Select(p => (p, names(m, p)))).ToDictionary(p => p.p, p => p.Item2);
            WeightLoader.Load(model, weights, (_, p) => places[p], which: places.ContainsKey);
        }
        catch
        {
            foreach (LoraModule module in added)
                module.Layer.RemoveAdapter();
            throw;
        }
        Freeze(model);
        return added;
    }

    /// <summary>The layers of a model that have an adapter, those of nested models included.</summary>
    public static IReadOnlyList<LoraModule> Modules(Model model) =>
        [.. LoraTargets.Modules(model).Where(m => m.Layer is Dense { Adapter: not null }).Select(m => new LoraModule(m.Name, (Dense)m.Layer, m.IsConv1D))];

    /// <summary>Makes the adapters part of the weights: W + scale A B. The model computes the same, as fast as without them.</summary>
    /// <remarks>The weights from before are kept on the host, so that <see cref="Unmerge"/> puts them back to the bit; <see cref="Detach"/> lets go of them.</remarks>
    /// <exception cref="GraftException">The model has no adapters.</exception>
    public static void Merge(Model model)
    {
        foreach (LoraModule module in Required(model, "merge").Where(m => !m.Adapter.IsMerged))
            module.Layer.MergeAdapter();
    }

    /// <summary>Takes merged adapters out of the weights again; they are what they were before, to the bit.</summary>
    /// <exception cref="GraftException">The model has no adapters.</exception>
    public static void Unmerge(Model model)
    {
        foreach (LoraModule module in Required(model, "unmerge").Where(m => m.Adapter.IsMerged))
            module.Layer.UnmergeAdapter();
    }

    /// <summary>
    /// Takes the adapters off and gives their memory back. Those that are merged stay in the weights; of the others nothing remains. All stays frozen
    /// until Trainable is set.
    /// </summary>
    /// <exception cref="GraftException">The model has no adapters.</exception>
    public static void Detach(Model model)
    {
        foreach (LoraModule module in Required(model, "detach"))
        {
            module.Layer.RemoveAdapter();
            module.Layer.FreezeBase(false);
            module.Layer.Trainable = false;
        }
    }

    /// <summary>Checks that a config describes the adapters that a model has: what is written down with them must make them again.</summary>
    /// <exception cref="GraftException">It does not; the message names the first module that differs.</exception>
    public static void Check(Model model, LoraConfig config)
    {
        Dictionary<Dense, LoraSettings> described = LoraTargets.Of(model, config, isStrict: false).ToDictionary(t => t.Module.Layer, t => t.Settings);
        foreach (LoraModule module in Required(model, "check"))
        {
            LoraSettings has = module.Adapter.Settings;
            if (!described.Remove(module.Layer, out LoraSettings? due))
                throw new GraftException($"Lora: '{module.Name}' has an adapter, but the config does not name it; give the config that was attached.");
            if (has with { Initialization = due.Initialization } != due)
                throw new GraftException($"Lora: the adapter of '{module.Name}' has {Describe(has)}, the config says {Describe(due)}; give the config that was attached.");
        }
        if (described.Count > 0)
            throw new GraftException($"Lora: the config names '{described.First().Key.Name}', which has no adapter; give the config that was attached.");
    }

    /// <summary>Refuses a model whose weights hold merged adapters beside which the adapters would be kept: nothing would say that they are in already.</summary>
    internal static void RefuseMerged(Model model, string what)
    {
        if (FindMerged(model) is { } merged)
            throw new GraftException($"{what}: the adapter of '{merged.Name}' is merged. Call Lora.Unmerge to keep weights and adapters apart, or Lora.Detach to keep the merged weights alone.");
    }

    /// <summary>The first layer whose adapter is merged; null where none is. Asked at every step of a training.</summary>
    internal static Dense? FindMerged(Model model)
    {
        foreach (Layer layer in model.Layers)
        {
            if (layer is Dense { Adapter.IsMerged: true } dense)
                return dense;
            if (layer is Model inner && FindMerged(inner) is { } within)
                return within;
        }
        return null;
    }

    private static string Describe(LoraSettings s) => FormattableString.Invariant($"rank {s.Rank}, alpha {s.Alpha}, dropout {s.Dropout}{(s.UseRsLora ? ", rank-stabilized" : "")}");

    private static IReadOnlyList<LoraModule> Required(Model model, string verb) => Modules(model) is { Count: > 0 } modules ? modules
        : throw new GraftException($"Lora: model '{model.Name}' has no adapters to {verb}; call Lora.Attach first.");

    private static List<LoraModule> Add(Model model, IReadOnlyList<(LoraModule Module, LoraSettings Settings)> targets)
    {
        RefuseMerged(model, "Lora.Attach");
        if (targets.FirstOrDefault(t => t.Module.Layer.Adapter is not null).Module is { } taken)
            throw new GraftException($"Lora: '{taken.Name}' has an adapter already; a layer takes one. Call Lora.Detach first, after Lora.Merge to keep what it learned.");
        foreach ((LoraModule module, LoraSettings settings) in targets)
            module.Layer.Adapt(settings);
        return [.. targets.Select(t => t.Module)];
    }

    private static void Freeze(Model model)
    {
        model.Trainable = false;
        foreach (LoraModule module in Modules(model))
        {
            module.Layer.Trainable = true;
            module.Layer.FreezeBase(true);
        }
    }
}
