using Mesh.Orchestrator.Lifecycle;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Orchestrator.Journal;

/// <summary>
/// Writes a batch of <see cref="JournalWrite"/> inside one transaction: decides with what it knows of the tasks, and writes all
/// that may be written. One round trip, the commit included, when it remembers them; otherwise it locks and reads them first.
/// </summary>
/// <remarks>
/// The task's row is what orders everything: a takeover, a cancel and every append of a task write it, so whoever was
/// replaced sees it here, whatever it believed before: under the row's lock, or because its version is another one.
/// </remarks>
internal sealed class JournalWriter(TimeProvider clock, PendingSpans pendingSpans, RecentTasks recent)
{
    public async Task<IReadOnlyList<JournalAnswer>> WriteAsync(
        CommitTransaction transaction, IReadOnlyList<JournalWrite> writes, CancellationToken stop)
    {
        if (transaction.MayCommitAtOnce && JournalHeads.Recall(recent, writes) is { } recalled
            && await TryAsync(transaction, Decide(writes, recalled), stop) is { } answers)
        {
            return answers;
        }

        var heads = await JournalHeads.LockAsync(transaction, writes, stop);
        recent.Correct(heads.Found);
        var plan = Decide(writes, heads);
        await CommitAsync(transaction, plan, stop);

        return plan.Answers;
    }

    // What is remembered may be old. Then nothing is written, and nobody is refused for it: the caller of this reads.
    private async Task<IReadOnlyList<JournalAnswer>?> TryAsync(CommitTransaction transaction, Plan plan, CancellationToken stop)
    {
        if (plan.Answers.All(answer => answer is JournalAnswer.Written))
        {
            try
            {
                await CommitAsync(transaction, plan, stop);

                return plan.Answers;
            }
            catch (PostgresException moved) when (moved.SqlState is PostgresErrorCodes.SerializationFailure or PostgresErrorCodes.UniqueViolation)
            {
                await transaction.StartOverAsync();
            }
        }

        GiveBackSpans(plan);

        return null;
    }

    private void GiveBackSpans(Plan plan)
    {
        foreach (var (task, spans) in plan.SpansTaken)
        {
            pendingSpans.GiveBack(task, spans);
        }

        plan.SpansTaken.Clear();
    }

    private async Task CommitAsync(CommitTransaction transaction, Plan plan, CancellationToken stop)
    {
        var changes = plan.Heads.Changed;
        var version = 0u;

        try
        {
            await transaction.CommitAsync(plan.Rows.Statements(changes), ReadAsync, stop);
        }
        catch
        {
            GiveBackSpans(plan);
            throw;
        }

        if (transaction.IsOwn)
        {
            recent.Keep(changes, plan.Rows.Entries, version);
        }
        else
        {
            recent.Forget(changes.Updated.Select(change => change.Row.Key));
        }

        async Task ReadAsync(NpgsqlDataReader rows, CancellationToken stop)
        {
            if (await rows.ReadAsync(stop))
            {
                version = rows.GetFieldValue<uint>(0);
            }
        }
    }

    private Plan Decide(IReadOnlyList<JournalWrite> writes, JournalHeads heads)
    {
        var plan = new Plan(heads, new JournalRows(), [], []);
        var now = TaskRows.Now(clock);

        for (var place = 0; place < writes.Count; place++)
        {
            plan.Answers.Add(Decide(writes, place, plan, now));
        }

        return plan;
    }

    private JournalAnswer Decide(IReadOnlyList<JournalWrite> writes, int place, Plan plan, DateTimeOffset now)
    {
        var (heads, rows) = (plan.Heads, plan.Rows);
        var write = writes[place];
        var before = heads.TaskOf(write);

        if (Refusal(write, place, heads, before, now) is { } refusal)
        {
            return refusal;
        }

        var row = write.Creates ?? before!;

        if (write.RequestsCancel is { } cancel)
        {
            var graceUntil = now + Claims.CancelGrace;
            row = row with
            {
                CancelRequested = true,
                Reason = cancel.Reason,
                Message = cancel.Message,
                ClaimUntil = row.ClaimUntil < graceUntil ? row.ClaimUntil : graceUntil,
            };
        }

        if (write.ToolDone is { } tool && !row.ToolsDone.Contains(tool))
        {
            row = row with { ToolsDone = [.. row.ToolsDone, tool] };
        }

        var firstSeq = row.Seq + 1;
        var bodies = new List<byte[]>(write.Facts.Count);

        foreach (var next in FactsOf(write, heads, row))
        {
            var fact = next;
            row = row.After(fact, now);

            if (fact is TaskClaimed claimed)
            {
                row = Claimed(row, write.Claim!, now);
                fact = claimed with { Attempt = row.Attempt };
            }

            // Spans of the writer, and those that an earlier commit left behind, travel with the first fact.
            var spans = bodies.Count == 0 ? [.. TakeSpans(write.Task, plan), .. write.Spans] : Array.Empty<Span>();
            var body = FactWire.Write(write.Task, write.StepOf(fact), row.Epoch, now, spans, fact);
            bodies.Add(body);
            rows.AddEntry(write, fact, row.Seq, write.StepFactsSeen + bodies.Count - 1, body);
        }

        rows.AddMessages(write, row, firstSeq, bodies);
        heads.Put(row, isNew: write.Creates is not null);
        heads.Grow(place, writes, bodies.Count);

        if (write.Request is { } request)
        {
            rows.AddRequest(request, write.Task.Id);
            heads.Put(request, write.Task.Id);
        }

        return new JournalAnswer.Written(row, now);
    }

    private IReadOnlyList<Span> TakeSpans(TaskKey task, Plan plan)
    {
        var spans = pendingSpans.Take(task);
        plan.SpansTaken.Add((task, spans));

        return spans;
    }

    private static JournalAnswer? Refusal(
        JournalWrite write, int place, JournalHeads heads, TaskRow? before, DateTimeOffset now)
    {
        if (write.Request is { } request && heads.RequestOf(request) is { } taken)
        {
            return new JournalAnswer.Existed(taken.TaskId, taken.BodyDigest.AsSpan().SequenceEqual(request.BodyDigest));
        }

        if (write.Fence is Fence.Birth)
        {
            return null;
        }

        if (before is null)
        {
            return new JournalAnswer.TaskMoved(null);
        }

        if (FenceRefusal(write.Fence, before, now) is { } fenced)
        {
            return fenced;
        }

        if (write.VersionSeen is { } version && !heads.IsAt(write.Task, version))
        {
            return new JournalAnswer.TaskMoved(before);
        }

        if (write.Step is null)
        {
            return write.Facts.Any(fact => fact is TaskFinished) && heads.HasOpenCall(write.Task) ? new JournalAnswer.CallOpen() : null;
        }

        var step = heads.StepOf(place);

        if (step.PositionTakenBy is { } other && other != write.Step.Value.Value)
        {
            return new JournalAnswer.PositionTaken(other);
        }

        if (step.Facts != write.StepFactsSeen)
        {
            return new JournalAnswer.StepMoved();
        }

        return before.Steps >= write.StepsMax && write.Facts[0] is (StepRecorded or CallRequested)
            ? new JournalAnswer.StepLimit(write.StepsMax)
            : null;
    }

    private static JournalAnswer? FenceRefusal(Fence fence, TaskRow task, DateTimeOffset now) => fence switch
    {
        Fence.Claim c => task.IsHeldBy(c.Hash) ? null : new JournalAnswer.ClaimLost(),
        Fence.LiveClaim c when !task.IsHeldBy(c.Hash) => new JournalAnswer.ClaimLost(),
        Fence.LiveClaim when task.CancelRequested => new JournalAnswer.CancelRequested(),
        Fence.LiveClaim => null,
        Fence.Settlement => null,
        Fence.Observed o => o.Epoch == task.Epoch && o.State == task.State ? null : new JournalAnswer.TaskMoved(task),
        Fence.Overdue o => o.Epoch == task.Epoch && task.ClaimUntil < now ? null : new JournalAnswer.TaskMoved(task),
        _ => throw new InvalidOperationException($"A fence of type {fence.GetType().Name} is unknown."),
    };

    private static TaskRow Claimed(TaskRow row, NewClaim claim, DateTimeOffset now) => row with
    {
        Epoch = row.Epoch + 1,
        Attempt = row.Attempt + 1,
        ClaimHash = claim.Hash,
        ClaimInstance = claim.Instance,
        ClaimUntil = now + claim.Lasts,
    };

    // What a task parks on may have come before it parked: then it never really parks. What comes for a task that does not
    // wait for it yet is kept. Both look under the same lock, so neither misses the other.
    private static IEnumerable<Fact> FactsOf(JournalWrite write, JournalHeads heads, TaskRow before)
    {
        foreach (var fact in write.Facts)
        {
            yield return fact;

            if (fact is TaskParked parked && heads.TakeArrival(write.Task, parked.On.Name) is { } because)
            {
                yield return new TaskResumed(because);
            }
        }

        if (write.Arrives is not { } arrival || before.State.IsEnded())
        {
            yield break;
        }

        if (before.WaitsOn == arrival.Name)
        {
            yield return new TaskResumed(arrival.Because);
        }
        else
        {
            heads.KeepArrival(write.Task, arrival);
        }
    }

    /// <summary>What a batch comes to.</summary>
    private sealed record Plan(
        JournalHeads Heads, JournalRows Rows, List<JournalAnswer> Answers, List<(TaskKey Task, IReadOnlyList<Span> Spans)> SpansTaken);
}
