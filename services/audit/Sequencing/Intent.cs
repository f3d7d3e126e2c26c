using System.Security.Cryptography;
using System.Text;
using Mesh.Integrity;

namespace Mesh.Audit.Sequencing;

/// <summary>What somebody says they are about to do: one dispatch of one action. A claim, until policy's decision says the same.</summary>
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

    public required TicketPurpose Purpose { get; init; }

    /// <summary>The decision note, kept as evidence.</summary>
    public required byte[] Decision { get; init; }

    /// <summary>What the log says about it: of the action what policy signed, and only for the rest the caller's word.</summary>
    public Submission.Intent ToSubmission(DecisionTicket decision, DateTimeOffset now)
    {
        string[] classes = [.. decision.Classes.Order(StringComparer.Ordinal)];
        var subject = new LeafSubject("intent", "intent", Tenant, Task, now,
        [
            ("workflow", decision.Workflow),
            ("step", Step),
            ("tool", decision.Tool),
            ("classes", classes),
            ("action_digest", Action.ToString()),
            ("dispatch", (long)Dispatch),
            ("epoch", Epoch),
            ("purpose", Purpose.Word()),
        ]);

        return new Submission.Intent(
            Tenant,
            LeafText.Write(subject, Decision),

            // A dispatch is announced once, whatever the epoch and the purpose: one receipt, so one redemption, for as long as
            // the log exists. The vault's own memory of redemptions does not outlive a crash of its store.
            Key: Digest($"mesh/intent/v1\n{Tenant}\n{Task:D}\n{Action}\n{Dispatch}\n"),
            Terms: Digest($"mesh/intent-terms/v1\n{decision.Workflow}\n{Step}\n{decision.Tool}\n{string.Join(',', classes)}\n{Epoch}\n{Purpose.Word()}\n"));
    }

    // Lines, because none of the parts can contain a newline.
    private static Hash256 Digest(FormattableString lines) => new(SHA256.HashData(Encoding.UTF8.GetBytes(FormattableString.Invariant(lines))));
}
