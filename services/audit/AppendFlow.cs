using Mesh.Audit.Checkpoints;
using Mesh.Audit.Sequencing;
using Npgsql;

namespace Mesh.Audit;

/// <summary>Makes intents and facts durable, and says so only when they are.</summary>
/// <remarks>
/// A first append, a retry and a repeat after a crash enter at the same place: what makes an entry this entry travels
/// with it, and the database finds the earlier one. Nothing is remembered in this process.
/// </remarks>
internal sealed class AppendFlow(DecisionCheck decisions, Sequencer sequencer, LogSigners signers, AuditMetrics metrics, TimeProvider clock)
{
    // A write waits for its intent. What takes longer is refused, so that the agent hears it while it still waits.
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(2);

    /// <summary>The intent of one dispatch: durable and receipted, or refused.</summary>
    public async Task<IntentResult> AppendIntentAsync(Intent intent, CancellationToken stop)
    {
        // The log is evidence: what it says about an action is what policy decided, not what the caller would have it say.
        if (decisions.Open(intent) is not { } decision)
        {
            return new IntentResult.NotDecided();
        }

        var submission = intent.ToSubmission(decision, clock.GetUtcNow());

        var placement = await sequencer.AppendAsync(submission, Deadline, stop);

        return placement switch
        {
            // Signed after the commit: a receipt without a durable leaf would open the vault to an unlogged write.
            Placement.Placed { First: { } place } => new IntentResult.Durable(signers.Receipt(intent, place)),
            Placement.Differs => new IntentResult.AnnouncedOtherwise(),
            Placement.Busy busy => new IntentResult.Busy(busy.RetryAfter),

            // The leaf may yet become durable. That is harmless: an intent that was not acted on is only an intent.
            _ => new IntentResult.Unavailable(),
        };
    }

    /// <summary>What the bus brought: durable when <paramref name="effect"/> commits, which also remembers the messages.</summary>
    /// <returns>One result for each message. If one is refused, the transaction MUST NOT be committed.</returns>
    public async Task<IReadOnlyList<FactsResult>> AppendFactsAsync(
        IReadOnlyList<FactMessage> messages, NpgsqlTransaction effect, CancellationToken stop)
    {
        var now = clock.GetUtcNow();
        Submission[] submissions = [.. messages.Select(message => message.ToSubmission(now))];

        var placements = await sequencer.PlaceAsync(submissions, effect, stop);

        foreach (var (message, placement) in messages.Zip(placements))
        {
            // The facts of one message became true together.
            if (placement is Placement.Placed && message.Facts[0].Time is { } time)
            {
                metrics.FactLogged(clock.GetUtcNow() - time);
            }
        }

        return [.. messages.Zip(placements, ResultOf)];
    }

    private static FactsResult ResultOf(FactMessage message, Placement placement) => placement switch
    {
        Placement.Placed => new FactsResult.Recorded(),

        // Put aside until the missing ones are in: order inside a task is what makes its journal rebuildable.
        Placement.Gap gap => new FactsResult.Refused(
            $"Facts of task {message.Key} from {gap.LastSeq + 1} to {message.FirstSeq - 1} are missing before {message.FirstSeq}."),

        // Either the sender rewrote history, or somebody speaks in its name.
        Placement.Conflict conflict => new FactsResult.Refused(
            $"Facts of task {message.Key} from {message.FirstSeq} contradict those that the log has up to {conflict.LastSeq}."),

        _ => throw new System.Diagnostics.UnreachableException($"Facts were answered {placement}."),
    };
}
