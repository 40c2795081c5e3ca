using System.Globalization;
using Graft.Ops;

namespace Graft.Tests.OpCases;

internal static class LastTokenCases
{
    public static OpCase[] All { get; } =
    [
        Case(2, 5, 3, padding: 0, tokens: 2), // half of the ids are padding, at any place
        Case(3, 4, 2, padding: 0, tokens: 1), // all of them are
        Case(2, 3, 4, padding: null, tokens: 5),
        Case(1, 1, 1, padding: 7, tokens: 3),
        new("LastToken [2,5,3], padding 1, ids of int32", new LastTokenOp(1), new(new Shape(2, 5, 3)), OpInput.Ids(new Shape(2, 5), 0, 2)),
        Case(33, 40, 70, padding: 2, tokens: 3) with { ChecksGradient = false },
    ];

    private static OpCase Case(int n, int t, int c, int? padding, int tokens) =>
        new($"LastToken [{n},{t},{c}], padding {padding?.ToString(CultureInfo.InvariantCulture) ?? "none"}, {tokens} tokens", new LastTokenOp(padding),
            new(new Shape(n, t, c)), OpInput.FloatIds(new Shape(n, t), 0, tokens));
}
