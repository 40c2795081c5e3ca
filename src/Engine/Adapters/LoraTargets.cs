using System.Globalization;
using System.Text.RegularExpressions;
using Graft.Layers;

namespace Graft.Adapters;

/// <summary>Which layers of a model a <see cref="LoraConfig"/> means, as PEFT's check_target_module_exists and get_pattern_key decide it.</summary>
internal sealed class LoraTargets
{
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(1); // patterns come from files

    private readonly LoraConfig _config;
    private readonly (string Name, Layer Layer, bool IsConv1D)[] _modules;
    private readonly bool _takesAll;

    private LoraTargets(Model model, LoraConfig config)
    {
        _config = config;
        _modules = [.. Modules(model)];
        _takesAll = config.TargetPattern == LoraConfig.AllLinear || config.TargetModules is [LoraConfig.AllLinear];
    }

    /// <summary>Every layer of a model, nested models' included, with what Hugging Face's model calls it; a layer that stands twice, once.</summary>
    public static IEnumerable<(string Name, Layer Layer, bool IsConv1D)> Modules(Model root)
    {
        IEnumerable<(string Path, Layer Layer)> Walk(Model model, string outer) => model.Layers.SelectMany(l => l is Model inner ? Walk(inner, $"{outer}{l.Name}/") : [($"{outer}{l.Name}", l)]);
        return Walk(root, "").DistinctBy(l => l.Layer).Select(l => (root.ModuleName(l.Path), l.Layer, root.IsConv1D(l.Path)));
    }

    /// <summary>The targets with the settings of each, in the model's order.</summary>
    /// <param name="model">The model.</param>
    /// <param name="config">What is asked for.</param>
    /// <param name="isStrict">True refuses names and patterns that nothing answers to; false takes what there is, as PEFT does with a file.</param>
    /// <exception cref="GraftException">A setting is out of range, a pattern is none, a target is no Dense layer, or nothing is a target.</exception>
    public static IReadOnlyList<(LoraModule Module, LoraSettings Settings)> Of(Model model, LoraConfig config, bool isStrict)
    {
        var targets = new LoraTargets(model, config);
        targets.CheckConfig();
        List<(LoraModule, LoraSettings)> found = [];
        Layer output = Output(model);
        foreach ((string name, Layer layer, bool isConv1D) in targets._modules)
        {
            if (targets._takesAll ? layer is not Dense || layer == output || targets.IsExcluded(name) : !targets.IsTarget(name))
                continue;
            if (layer is not Dense dense)
                throw new GraftException($"Lora: '{name}' is a target, but it is of class {layer.ClassName}; adapters go on Dense layers. Name those: {targets.Endings()}.");
            found.Add((new LoraModule(name, dense, isConv1D), targets.SettingsOf(name)));
        }
        targets.CheckFound(found.Count, isStrict);
        return found;
    }

    private static Layer Output(Model model)
    {
        Layer layer = model.Outputs[0].Layer;
        return layer is Model inner ? Output(inner) : layer;
    }

    private void CheckConfig()
    {
        if (_config.TargetModules.Count > 0 == (_config.TargetPattern is not null))
            throw new GraftException($"Lora: give one of TargetModules and TargetPattern; {(_config.TargetPattern is null ? "neither is" : "both are")} there. The model's Dense layers are {Endings()}.");
        if (_config.LayersToTransform.Count > 0 && _config.TargetPattern is not null)
            throw new GraftException("Lora: LayersToTransform chooses among TargetModules; with TargetPattern, say it in the pattern.");
        foreach ((string what, int rank) in _config.RankPattern.Select(p => ($"RankPattern '{p.Key}'", p.Value)).Prepend(("Rank", _config.Rank)))
        {
            if (rank < 1)
                throw new GraftException($"Lora: {what} is {rank}; it takes 1 or more.");
        }
        foreach ((string what, float alpha) in _config.AlphaPattern.Select(p => ($"AlphaPattern '{p.Key}'", p.Value)).Prepend(("Alpha", _config.Alpha)))
        {
            if (!float.IsFinite(alpha))
                throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"Lora: {what} is {alpha}; it takes a finite number."));
        }
        if (!(_config.Dropout >= 0 && _config.Dropout < 1))
            throw new GraftException(string.Create(CultureInfo.InvariantCulture, $"Lora: Dropout is {_config.Dropout}; it takes 0 or more and less than 1."));
    }

    private void CheckFound(int count, bool isStrict)
    {
        string what = _config.TargetPattern ?? string.Join(", ", _config.TargetModules);
        if (count == 0)
            throw new GraftException($"Lora: nothing in the model is a target of '{what}'{(_config.ExcludeModules.Count + _config.LayersToTransform.Count > 0 || _config.ExcludePattern is not null ? " after what is excluded" : "")}; its Dense layers are {Endings()}.");
        if (!isStrict)
            return;
        if (!_takesAll && _config.TargetModules.FirstOrDefault(t => !_modules.Any(m => IsNamed(m.Name, t))) is { } unknown)
            throw new GraftException($"Lora: no module is named '{unknown}', or ends in '.{unknown}'; the model's Dense layers are {Endings()}. The nearest is '{Ends().MinBy(e => NameDistance.Between(e, unknown))}'.");
        if (_config.RankPattern.Keys.Concat(_config.AlphaPattern.Keys).FirstOrDefault(k => !_modules.Any(m => Fits(k, m.Name))) is { } idle)
            throw new GraftException($"Lora: no module answers to the pattern '{idle}' of RankPattern or AlphaPattern; they are named like '{_modules.FirstOrDefault(m => m.Layer is Dense).Name}'.");
    }

    /// <summary>The last parts of the Dense layers' names, each once.</summary>
    private IEnumerable<string> Ends() => _modules.Where(m => m.Layer is Dense).Select(m => m.Name[(m.Name.LastIndexOf('.') + 1)..]).Distinct();

    private string Endings() => string.Join(", ", Ends().DefaultIfEmpty("none"));

    private bool IsTarget(string name)
    {
        if (IsExcluded(name))
            return false;
        if (_config.TargetPattern is { } pattern)
            return Match($"^(?:{pattern})$", name, "TargetPattern").Success;
        return _config.TargetModules.Any(t => IsNamed(name, t)) && (_config.LayersToTransform.Count == 0 || IsInBlock(name));
    }

    private bool IsExcluded(string name) => _config.ExcludeModules.Any(e => IsNamed(name, e))
        || (_config.ExcludePattern is { } pattern && Match($"^(?:{pattern})$", name, "ExcludePattern").Success);

    private static bool IsNamed(string name, string target) => name == target || name.EndsWith($".{target}", StringComparison.Ordinal);

    // The first number that stands as a part of its own, or the one behind what the pattern names.
    private bool IsInBlock(string name)
    {
        IEnumerable<string> patterns = _config.LayersPattern.Count == 0 ? [@"^.*?\.[^.]*\.(\d+)\."] : _config.LayersPattern.Select(p => $@"^.*?\.{p}\.(\d+)\.");
        Match? number = patterns.Select(p => Match(p, name, "LayersPattern")).FirstOrDefault(m => m.Success);
        return number is not null && int.TryParse(number.Groups[1].Value, NumberStyles.None, CultureInfo.InvariantCulture, out int block) && _config.LayersToTransform.Contains(block);
    }

    private LoraSettings SettingsOf(string name)
    {
        int rank = _config.RankPattern.Where(p => Fits(p.Key, name)).Select(p => p.Value).FirstOrDefault(_config.Rank);
        float alpha = _config.AlphaPattern.Where(p => Fits(p.Key, name)).Select(p => p.Value).FirstOrDefault(_config.Alpha);
        return new LoraSettings(rank, alpha, _config.Dropout, _config.UseRsLora, _config.Initialization);
    }

    private static bool Fits(string pattern, string name) => Match($@"^(.*\.)?({pattern})$", name, "RankPattern or AlphaPattern").Success;

    private static Match Match(string pattern, string name, string setting)
    {
        try
        {
            return Regex.Match(name, pattern, RegexOptions.CultureInvariant, Longest);
        }
        catch (Exception e) when (e is ArgumentException or RegexMatchTimeoutException)
        {
            throw new GraftException($"Lora: the {setting} '{pattern}' is no regular expression that can be used ({e.Message}).", e);
        }
    }
}
