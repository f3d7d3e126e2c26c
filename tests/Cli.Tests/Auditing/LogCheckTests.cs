using Google.Protobuf;
using Mesh.Audit.V1;
using Mesh.Cli.Auditing;
using Mesh.Integrity;

namespace Cli.Tests.Auditing;

public sealed class LogCheckTests : IDisposable
{
    private readonly SampleLog log = new SampleLog().AddIntent().AddRequested().AddSettled(auditIndex: 0).Add("TaskFinished");

    [Fact]
    public void A_whole_and_unchanged_log_has_no_findings()
    {
        var check = Check(log.Head());

        Assert.Empty(check.Findings);
        Assert.Equal((1, 0, 0L), (check.Intents, check.OpenIntents, check.Erased));
    }

    [Fact]
    public void A_changed_entry_is_found_even_where_the_hash_beside_it_was_changed_too()
    {
        var head = log.Head();
        var changed = ByteString.CopyFromUtf8(log.Entries[3].Leaf.ToStringUtf8().Replace("TaskFinished", "TaskRefunded", StringComparison.Ordinal));
        log.Entries[3].Leaf = changed;
        log.Entries[3].LeafHash = ByteString.CopyFrom(MerkleTree.LeafHash(changed.Span).ToArray());

        Assert.Contains("ROOT", Codes(Check(head)));
    }

    [Fact]
    public void A_leaf_that_does_not_fit_its_hash_is_found()
    {
        log.Entries[0].LeafHash = ByteString.CopyFrom(new byte[32]);

        Assert.Equal(["LEAF_HASH"], Codes(Check(log.Head())));
    }

    [Fact]
    public void A_removed_entry_is_found_in_the_middle_and_at_the_end()
    {
        var head = log.Head();
        var (middle, end) = (log.Entries.Where(entry => entry.Index != 1), log.Entries.Take(3));

        Assert.Contains("MISSING", Codes(Check(head, entries: middle)));
        Assert.Contains("MISSING", Codes(Check(head, entries: end)));
    }

    [Fact]
    public void Two_entries_in_another_order_are_found()
    {
        var head = log.Head();
        (log.Entries[1], log.Entries[2]) = (log.Entries[2], log.Entries[1]);
        (log.Entries[1].Index, log.Entries[2].Index) = (1, 2);

        Assert.Contains("ROOT", Codes(Check(head)));
    }

    [Fact]
    public void A_changed_payload_is_found_and_an_erased_one_is_counted()
    {
        log.Entries[0].Payload = ByteString.CopyFromUtf8("another");
        log.Entries[1].Payload = ByteString.Empty;

        var check = Check(log.Head());

        Assert.Equal(["PAYLOAD"], Codes(check));
        Assert.Equal(1, check.Erased);
    }

    [Fact]
    public void A_history_that_does_not_begin_as_it_did_is_a_fork()
    {
        var before = log.Head();
        using var other = new SampleLog().AddIntent().AddRequested().AddSettled().Add("TaskFinished").Add("More");

        Assert.Contains("FORKED", Codes(Check(other.Head(), before, other.Entries)));
    }

    [Fact]
    public void A_log_that_became_shorter_is_found()
    {
        var before = log.Head();
        log.Entries.RemoveAt(3);

        Assert.Equal(["SHRUNK"], Codes(Check(log.Head(), before)));
    }

    [Fact]
    public void A_log_that_grew_has_no_findings()
    {
        var before = log.Head();
        log.Add("More");

        Assert.Empty(Check(log.Head(), before).Findings);
    }

    [Fact]
    public void An_outcome_without_an_intent_for_its_digest_and_dispatch_is_found()
    {
        using var silent = new SampleLog().AddRequested().AddSettled();
        using var late = new SampleLog().AddRequested().AddSettled().AddIntent();
        using var otherDigest = new SampleLog().AddIntent(digest: "bb22").AddRequested().AddSettled();
        using var otherDispatch = new SampleLog().AddIntent(dispatch: 1).AddRequested().AddSettled(dispatch: 2);
        using var otherPlace = new SampleLog().AddIntent().AddRequested().AddSettled(auditIndex: 1);

        Assert.All(
            (SampleLog[])[silent, late, otherDigest, otherDispatch],
            one => Assert.Equal(["OUTCOME_WITHOUT_INTENT"], Codes(Check(one.Head(), entries: one.Entries))));
        Assert.Equal(["OTHER_INTENT"], Codes(Check(otherPlace.Head(), entries: otherPlace.Entries)));
    }

    [Fact]
    public void What_a_probe_found_out_is_settled_by_the_intent_of_that_probe_and_by_no_other()
    {
        using var probed = new SampleLog().AddRequested().AddIntent().AddIntent(dispatch: 2, purpose: "probe").AddSettled(dispatch: 1, auditIndex: 2);
        using var performed = new SampleLog().AddRequested().AddIntent().AddIntent(dispatch: 2).AddSettled(dispatch: 1, auditIndex: 2);
        using var otherAction = new SampleLog().AddRequested().AddIntent().AddIntent(dispatch: 2, digest: "bb22", purpose: "probe").AddSettled(dispatch: 1, auditIndex: 2);
        using var earlier = new SampleLog().AddRequested().AddIntent(purpose: "probe").AddIntent(dispatch: 2).AddSettled(dispatch: 2, auditIndex: 1);

        var check = Check(probed.Head(), entries: probed.Entries);
        Assert.Empty(check.Findings);
        Assert.Equal((2, 0), (check.Intents, check.OpenIntents));
        Assert.All((SampleLog[])[performed, otherAction, earlier], one => Assert.Equal(["OTHER_INTENT"], Codes(Check(one.Head(), entries: one.Entries))));
    }

    [Fact]
    public void A_call_that_was_sent_again_leaves_no_dispatch_open_once_it_is_settled()
    {
        using var again = new SampleLog().AddRequested().AddIntent().AddIntent(dispatch: 2).AddSettled(dispatch: 2, auditIndex: 2).AddIntent(dispatch: 3);

        var check = Check(again.Head(), entries: again.Entries);

        Assert.Empty(check.Findings);
        Assert.Equal((3, 1), (check.Intents, check.OpenIntents));
    }

    [Fact]
    public void A_credential_that_was_handed_out_without_an_intent_is_found()
    {
        log.Add("LeaseRedeemed", new() { ["action_digest"] = "cc33", ["dispatch"] = 1 });
        log.Add("LeaseRedeemed", new() { ["action_digest"] = SampleLog.Digest, ["dispatch"] = 1 });

        Assert.Equal(["REDEEMED_WITHOUT_INTENT"], Codes(Check(log.Head())));
    }

    [Fact]
    public void An_intent_whose_outcome_is_not_there_yet_is_open_and_no_finding()
    {
        log.AddIntent(dispatch: 2);

        var check = Check(log.Head());

        Assert.Empty(check.Findings);
        Assert.Equal(1, check.OpenIntents);
    }

    [Fact]
    public void Labels_beside_a_leaf_that_say_something_else_are_found()
    {
        log.Entries[3].Kind = "TaskSubmitted";

        Assert.Equal(["LABELS"], Codes(Check(log.Head())));
    }

    public void Dispose() => log.Dispose();

    private static IEnumerable<string> Codes(LogCheck check) => check.Findings.Select(finding => finding.Code);

    private LogCheck Check(Checkpoint head, Checkpoint? before = null, IEnumerable<Entry>? entries = null)
    {
        var check = new LogCheck(SampleLog.Tenant, head, before);
        foreach (var entry in entries ?? log.Entries)
        {
            if (!check.Take(entry))
            {
                break;
            }
        }

        check.Finish();
        return check;
    }
}
