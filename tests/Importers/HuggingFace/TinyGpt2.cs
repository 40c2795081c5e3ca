using Graft.Layers;

namespace Graft.Tests.Importers.HuggingFace;

/// <summary>Layers with the names, parameters and sizes of a GPT-2, wired anyhow: what weights are loaded into.</summary>
internal static class TinyGpt2
{
    /// <summary>The sizes of the reference model "gpt2_tiny" unless told otherwise.</summary>
    public static Model Layers(string prefix = "", int blocks = 3, int width = 64, int vocabulary = 512, int positions = 128)
    {
        Node ids = Node.Input(new Shape(4));
        Node x = new Add().Apply(new Embedding(vocabulary, width) { Name = $"{prefix}wte" }.Apply(ids), new Embedding(positions, width) { Name = $"{prefix}wpe" }.Apply(ids));
        List<Node> ends = [];
        for (int block = 0; block < blocks; block++)
        {
            string at = $"{prefix}h.{block}.";
            x = new LayerNormalization { Name = $"{at}ln_1" }.Apply(x);
            ends.Add(new Dense(3 * width) { Name = $"{at}attn.c_attn" }.Apply(x));
            x = new Dense(width) { Name = $"{at}attn.c_proj" }.Apply(x);
            x = new LayerNormalization { Name = $"{at}ln_2" }.Apply(x);
            x = new Dense(4 * width) { Name = $"{at}mlp.c_fc" }.Apply(x);
            x = new Dense(width) { Name = $"{at}mlp.c_proj" }.Apply(x);
        }
        return new Model([ids], [new LayerNormalization { Name = $"{prefix}ln_f" }.Apply(x), .. ends]);
    }
}
