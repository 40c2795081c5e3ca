namespace Graft.Tests.Fuzz;

/// <summary>What went wrong: another exception than GraftException, a message that is no one line or names no file, or too much memory.</summary>
/// <param name="Signature">The same for the same defect, as far as can be told.</param>
/// <param name="Text">All that is known.</param>
internal sealed record FuzzFinding(string Signature, string Text);

/// <summary>The rule that every reader keeps for every input: it reads it, or throws a GraftException of one line that names the file; and takes little memory.</summary>
internal static class FuzzOracle
{
    /// <summary>Tries the steps of a target on the files of a folder.</summary>
    /// <returns>What went wrong, and how many of the steps the reader did to the end.</returns>
    public static (FuzzFinding? Finding, int Read) Try(FuzzTarget target, string folder, long inputBytes)
    {
        string path = Path.Combine(folder, target.Entry);
        int read = 0;
        for (int i = 0; i < target.Steps.Count; i++)
        {
            long before = GC.GetAllocatedBytesForCurrentThread();
            string outcome = "read";
            try
            {
                target.Steps[i](path);
                read++;
            }
            catch (GraftException e)
            {
                if (e.Message.Any(char.IsControl))
                    return (Of(target, i, "a message of several lines", e), read);
                if (!e.Message.Contains(folder, StringComparison.Ordinal))
                    return (Of(target, i, "a message that names no file", e), read);
                outcome = e.Message;
            }
            catch (Exception e)
            {
                return (Of(target, i, e.GetType().Name, e), read);
            }
            long allocated = GC.GetAllocatedBytesForCurrentThread() - before, most = target.Allowance + 4 * inputBytes;
            if (allocated > most)
                return (new FuzzFinding($"{target.Name} step {i}: memory", $"{target.Name}, step {i}: {allocated >> 20} MB allocated for an input of {inputBytes} bytes; {most >> 20} MB are allowed. Outcome: {outcome}"), read);
        }
        return (null, read);
    }

    // Defects of one place look alike but for the text of the message.
    private static FuzzFinding Of(FuzzTarget target, int step, string what, Exception e)
    {
        string[] frames = [.. (e.StackTrace ?? "").Split('\n').Select(f => f.Trim()).Where(f => f.StartsWith("at Graft.", StringComparison.Ordinal) && !f.Contains("FileErrors", StringComparison.Ordinal) && !f.Contains("Hdf5Source.Read", StringComparison.Ordinal)).Take(2).Select(f => f.Split(" in ")[0])];
        return new FuzzFinding($"{target.Name} step {step}: {what} {string.Join(" < ", frames)}", $"{target.Name}, step {step}: {what}\n{e}");
    }
}
