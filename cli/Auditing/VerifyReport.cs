using System.Text.Json.Nodes;
using Mesh.Cli.Output;

namespace Mesh.Cli.Auditing;

/// <summary>What came of verifying a log.</summary>
internal sealed record VerifyReport(
    string Tenant,
    string Origin,
    long Size,
    string Root,
    int Intents,
    int OpenIntents,
    long Erased,
    long? SizeBefore,
    TrustedKeys Trust,
    IReadOnlyList<Finding> Findings)
{
    public bool IsVerified => Findings.Count == 0;

    public JsonObject ToJson() => new()
    {
        ["tenant"] = Tenant,
        ["verified"] = IsVerified,
        ["origin"] = Origin,
        ["size"] = Size,
        ["root"] = Root,
        ["intents"] = Intents,
        ["openIntents"] = OpenIntents,
        ["erasedPayloads"] = Erased,
        ["verifiedBefore"] = SizeBefore,
        ["keysFrom"] = Trust.Source,
        ["keysAreIndependent"] = Trust.AreIndependent,
        ["findings"] = new JsonArray([.. Findings.Select(finding => finding.ToJson())]),
    };

    public void Write(TextWriter to)
    {
        to.WriteLine($"log          {(Origin.Length == 0 ? Tenant : Origin)}");
        to.WriteLine($"entries      {Size}, root {(Root.Length == 0 ? "-" : Root)}");
        to.WriteLine($"keys from    {Trust.Source}{(Trust.AreIndependent ? "" : ": this shows that the log is consistent, not whose it is")}");
        foreach (var finding in Findings)
        {
            to.WriteLine($"FINDING      {(finding.Index < 0 ? "log" : $"entry {finding.Index}")}: {finding.Code}: {Told.OneLine(finding.Message)}");
        }

        if (!IsVerified)
        {
            to.WriteLine($"NOT verified: {Findings.Count} {(Findings.Count == 1 ? "finding" : "findings")}");
            return;
        }

        to.WriteLine($"intents      {Intents}, each before its outcome{(OpenIntents == 0 ? "" : $"; {OpenIntents} without an outcome yet")}");
        to.WriteLine($"history      {(SizeBefore is { } size ? $"begins with the {size} entries that were verified before" : "verified here for the first time")}");
        if (Erased > 0)
        {
            to.WriteLine($"erased       {Erased} payloads");
        }

        to.WriteLine("verified");
    }
}
