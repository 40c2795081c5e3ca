using Graft.Layers;
using Graft.Models;

namespace Graft.Bench.Onnx;

/// <summary>
/// Writes a GPT-2 as ONNX as exporters of PyTorch do: keys and values of each block go in and come out, longer by the new tokens. Inputs
/// input_ids and position_ids [1,T], past.N.key and past.N.value [1,heads,past,D]; outputs logits [1,vocabulary] behind the last token, present.N.key
/// and present.N.value.
/// </summary>
internal sealed class Gpt2Export
{
    private readonly OnnxGraph _graph = new();
    private readonly Dictionary<string, Parameter> _parameters;
    private readonly Gpt2Config _config;
    private readonly int _tokens;
    private readonly bool _hasPast;

    private Gpt2Export(Gpt2 model, int tokens, bool hasPast)
    {
        (_config, _tokens, _hasPast) = (model.Config, tokens, hasPast);
        _parameters = model.NamedParameters().ToDictionary(p => p.Path, p => p.Parameter);
    }

    /// <summary>The model file for a fixed number of new tokens: without a past, or one token behind a past of any length.</summary>
    public static byte[] Write(Gpt2 model, int tokens, bool hasPast) => new Gpt2Export(model, tokens, hasPast).Write();

    /// <summary>Name of a block's keys or values among the inputs or outputs.</summary>
    public static string Cache(bool present, int block, bool keys) => $"{(present ? "present" : "past")}.{block}.{(keys ? "key" : "value")}";

    private int HeadSize => _config.Width / _config.Heads;

    private byte[] Write()
    {
        _graph.Input("input_ids", new Shape(1, _tokens), isInteger: true);
        _graph.Input("position_ids", new Shape(1, _tokens), isInteger: true);
        string x = Op("Add", "embeddings", Op("Gather", "tokens", Weight("wte/embeddings"), "input_ids"), Op("Gather", "positions", Weight("wpe/embeddings"), "position_ids"));
        _graph.Integers("split", _config.Width, _config.Width, _config.Width);
        _graph.Integers("heads", 1, _tokens, _config.Heads, HeadSize);
        _graph.Integers("joined", 1, _tokens, _config.Width);
        _graph.Initializer("scale", new Shape(1), [1 / MathF.Sqrt(HeadSize)]);
        if (_tokens > 1)
            _graph.Initializer("mask", new Shape(1, 1, _tokens, _tokens), Mask());
        for (int i = 0; i < _config.Blocks; i++)
            x = Block(x, i);
        _graph.Integers("last", _tokens - 1);
        string last = _graph.Node("Gather", [Norm("ln_f", x), "last"], "last_row", OnnxGraph.Attribute("axis", 1L)); // [1,1,C]
        _graph.Integers("row", 1, _config.Width);
        string logits = _graph.Node("Gemm", [Op("Reshape", "row_2d", last, "row"), Weight("wte/embeddings")], "logits", OnnxGraph.Attribute("transB", 1L));
        _graph.Output(logits, new Shape(1, _config.VocabularySize));
        for (int i = 0; i < _config.Blocks; i++)
        {
            foreach (bool keys in new[] { true, false })
                _graph.OpenOutput(Cache(true, i, keys), "1", $"{_config.Heads}", "total", $"{HeadSize}");
        }
        return _graph.ToModel();
    }

    private string Block(string x, int block)
    {
        string h = $"h.{block}";
        string qkv = Dense($"{h}.attn.c_attn", Norm($"{h}.ln_1", x));
        string[] parts = [$"{h}/q", $"{h}/k", $"{h}/v"];
        _graph.Node("Split", [qkv, "split"], parts, OnnxGraph.Attribute("axis", 2L));
        string[] heads = [.. parts.Select(p => Turn(Op("Reshape", $"{p}/heads", p, "heads"), $"{p}/turned", 0, 2, 1, 3))]; // [1,heads,T,D]
        string keys = Extend(heads[1], block, keys: true), values = Extend(heads[2], block, keys: false);
        string scores = Op("Mul", $"{h}/scaled", Op("MatMul", $"{h}/scores", heads[0], Turn(keys, $"{h}/keys/turned", 0, 1, 3, 2)), "scale");
        if (_tokens > 1)
            scores = Op("Add", $"{h}/masked", scores, "mask");
        string weights = _graph.Node("Softmax", [scores], $"{h}/weights", OnnxGraph.Attribute("axis", -1L));
        string seen = Turn(Op("MatMul", $"{h}/seen", weights, values), $"{h}/seen/turned", 0, 2, 1, 3);
        x = Op("Add", $"{h}/add_1", Dense($"{h}.attn.c_proj", Op("Reshape", $"{h}/joined", seen, "joined")), x);
        string inner = Gelu(Dense($"{h}.mlp.c_fc", Norm($"{h}.ln_2", x)), $"{h}/gelu");
        return Op("Add", $"{h}/add_2", Dense($"{h}.mlp.c_proj", inner), x);
    }

    /// <summary>The past, and behind it the new.</summary>
    private string Extend(string fresh, int block, bool keys)
    {
        string present = Cache(true, block, keys), past = Cache(false, block, keys);
        if (!_hasPast)
            return Op("Identity", present, fresh);
        _graph.OpenInput(past, false, "1", $"{_config.Heads}", "past", $"{HeadSize}");
        return _graph.Node("Concat", [past, fresh], present, OnnxGraph.Attribute("axis", 2L));
    }

    // x / 2 (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))), in the form that ONNX Runtime joins to one op
    private string Gelu(string x, string name)
    {
        string cube = Op("Pow", $"{name}/cube", x, Scalar("three", 3));
        string inner = Op("Mul", $"{name}/inner", Op("Add", $"{name}/sum", x, Op("Mul", $"{name}/part", cube, Scalar("gelu_part", 0.044715f))), Scalar("gelu_root", MathF.Sqrt(2 / MathF.PI)));
        string factor = Op("Add", $"{name}/factor", Op("Tanh", $"{name}/tanh", inner), Scalar("one", 1));
        return Op("Mul", name, Op("Mul", $"{name}/half", x, Scalar("half", 0.5f)), factor);
    }

    private string Dense(string layer, string x) => Op("Add", layer, Op("MatMul", $"{layer}/product", x, Weight($"{layer}/kernel")), Weight($"{layer}/bias"));

    private string Norm(string layer, string x) => _graph.Node("LayerNormalization", [x, Weight($"{layer}/gamma"), Weight($"{layer}/beta")], layer,
        OnnxGraph.Attribute("axis", -1L), OnnxGraph.Attribute("epsilon", _config.LayerNormEpsilon));

    private string Turn(string x, string name, params long[] order) => _graph.Node("Transpose", [x], name, OnnxGraph.Attribute("perm", order));

    private string Op(string op, string name, params string[] inputs) => _graph.Node(op, inputs, name);

    private string Scalar(string name, float value) => _graph.Initializer(name, new Shape(), [value]);

    private string Weight(string path) => _graph.Initializer(path, _parameters[path].Shape, _parameters[path].Value.ToArray());

    private float[] Mask()
    {
        const float Hidden = -1e9f;
        var mask = new float[_tokens * _tokens];
        for (int i = 0; i < mask.Length; i++)
            mask[i] = i % _tokens > i / _tokens ? Hidden : 0;
        return mask;
    }
}
