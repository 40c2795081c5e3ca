using Graft.Layers;

namespace Graft.Weights;

/// <summary>Which array of a file belongs to which parameter of a model.</summary>
internal sealed class WeightMatch
{
    private readonly WeightFile _file;
    private readonly Func<string, Parameter, WeightName> _names;
    private readonly HashSet<string> _unused;
    private readonly List<(string Path, Parameter Parameter, WeightName Name)> _found = [];
    private readonly List<string> _missing = [];

    private WeightMatch(WeightFile file, Func<string, Parameter, WeightName> names)
    {
        _file = file;
        _names = names;
        _unused = [.. file.Names];
    }

    /// <summary>The parameters that have an array, in the model's order.</summary>
    public IReadOnlyList<(string Path, Parameter Parameter, WeightName Name)> Found => _found;

    /// <summary>A line for each parameter that has none, with the reason or the nearest name.</summary>
    public IReadOnlyList<string> Missing => _missing;

    /// <summary>The arrays that no parameter takes.</summary>
    public IReadOnlyCollection<string> Unused => _unused;

    /// <summary>Matches by path first, then by the layer's name where that is clear on both sides.</summary>
    public static WeightMatch Of(Model model, WeightFile file, Func<string, Parameter, WeightName> names, Func<Parameter, bool> which)
    {
        var match = new WeightMatch(file, names);
        (string Path, Parameter Parameter)[] all = [.. model.NamedParameters().Where(n => which(n.Parameter)).DistinctBy(n => n.Parameter)];
        (string Path, Parameter Parameter)[] rest = [.. all.Where(p => !match.ByPath(p.Path, p.Parameter))];
        match.ByLayer(rest);
        var order = all.Select((p, i) => (p.Parameter, i)).ToDictionary(p => p.Parameter, p => p.i);
        match._found.Sort((a, b) => order[a.Parameter].CompareTo(order[b.Parameter]));
        return match;
    }

    private bool ByPath(string path, Parameter parameter)
    {
        WeightName name = _names(path[..path.LastIndexOf('/')], parameter);
        if (!_unused.Remove(name.Name))
            return false;
        _found.Add((path, parameter, name));
        return true;
    }

    private void ByLayer((string Path, Parameter Parameter)[] rest)
    {
        var claims = new Dictionary<string, List<(string Path, Parameter Parameter, WeightName Name)>>();
        foreach ((string path, Parameter parameter) in rest)
        {
            WeightName name = _names(parameter.LayerName, parameter);
            string[] places = [.. _unused.Where(n => n == name.Name || n.EndsWith($"/{name.Name}", StringComparison.Ordinal))];
            if (places.Length == 1)
            {
                if (!claims.TryGetValue(places[0], out var claim))
                    claims[places[0]] = claim = [];
                claim.Add((path, parameter, name with { Name = places[0] }));
                continue;
            }
            _missing.Add(places.Length == 0 ? $"{path} as '{name.Name}' (nearest name there: '{_file.Names.MinBy(n => NameDistance.Between(n, name.Name))}')"
                : $"{path}: {string.Join(" and ", places.Select(p => $"'{p}'"))} could all be it; name the models around the layer as the file does");
        }
        foreach ((string array, var claim) in claims)
        {
            if (claim.Count == 1 && _unused.Remove(array))
                _found.Add(claim[0]);
            else
                _missing.AddRange(claim.Select(c => $"{c.Path}: '{array}' could be it, but also {string.Join(" and ", claim.Where(o => o != c).Select(o => o.Path))}; name the models around the layer as the file does"));
        }
    }
}
