using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Mesh.Integrity;

namespace Mesh.Audit.Sequencing;

/// <summary>What somebody is about to do: one dispatch of one action.</summary>
internal sealed record Intent
{
    public required string Tenant { get; init; }

    public required string Workflow { get; init; }

    public required Guid Task { get; init; }

    public required string Step { get; init; }

    public required string Tool { get; init; }

    public required IReadOnlyList<string> Classes { get; init; }

    public required ActionDigest Action { get; init; }

    public required int Dispatch { get; init; }

    public required long Epoch { get; init; }

    /// <summary><c>perform</c> or <c>probe</c>.</summary>
    public required string Purpose { get; init; }

    /// <summary>The decision note, kept as evidence.</summary>
    public required byte[] Decision { get; init; }

    public Submission.Intent ToSubmission(DateTimeOffset now)
    {
        var subject = new LeafSubject("intent", "intent", Tenant, Task, now,
        [
            ("workflow", Workflow),
            ("step", Step),
            ("tool", Tool),
            ("classes", Classes),
            ("action_digest", Action.ToString()),
            ("dispatch", (long)Dispatch),
            ("epoch", Epoch),
            ("purpose", Purpose),
        ]);

        return new Submission.Intent(Tenant, LeafText.Write(subject, Decision), Key());
    }

    // Lines, because none of the parts can contain a newline.
    private Hash256 Key()
    {
        var preimage = string.Create(
            CultureInfo.InvariantCulture, $"mesh/intent/v1\n{Tenant}\n{Task:D}\n{Action}\n{Dispatch}\n{Epoch}\n{Purpose}\n");
        return new Hash256(SHA256.HashData(Encoding.UTF8.GetBytes(preimage)));
    }
}
