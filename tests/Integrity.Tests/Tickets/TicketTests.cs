using System.Text;
using Mesh.Integrity;

namespace Integrity.Tests.Tickets;

public sealed class TicketTests
{
    private static readonly DateTimeOffset Noon = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private static readonly DecisionTicket Decision = new()
    {
        Domain = "mesh.local",
        DecisionId = Guid.Parse("0198c0de-7000-7abc-8def-0123456789ab"),
        Tenant = "acme",
        Workflow = "refund-request",
        WorkflowVersion = ContentDigest.Of("workflow"u8),
        Task = Guid.Parse("0198c0de-7000-7abc-8def-0123456789ac"),
        Tool = "payments.refund",
        ToolDigest = ContentDigest.Of("tool"u8),
        Classes = ["write", "customer_facing"],
        Integration = "payments",
        SecretName = "payments-key",
        Action = new ActionDigest(Hash256.Of("action"u8)),
        Dispatch = 1,
        Epoch = 3,
        PolicySet = ContentDigest.Of("policy"u8),
        Approval = null,
        Expiry = Noon,
    };

    private static readonly ReceiptTicket Receipt = new()
    {
        Origin = "mesh.local/audit/acme",
        Index = 41,
        LeafHash = MerkleTree.LeafHash("leaf"u8),
        Action = Decision.Action,
        Dispatch = 1,
        Epoch = 3,
        Purpose = TicketPurpose.Perform,
        Time = Noon,
    };

    private static readonly NoteSigner Policy = new("mesh.local/policy", SigningKey.FromSeed(Enumerable.Repeat((byte)1, 32).ToArray()));
    private static readonly NoteSigner Audit = new("mesh.local/audit/acme", SigningKey.FromSeed(Enumerable.Repeat((byte)2, 32).ToArray()));

    [Fact]
    public void A_decision_is_read_as_it_was_signed()
    {
        DecisionTicket[] decisions =
        [
            Decision,
            Decision with { Approval = Guid.CreateVersion7(), Integration = null, SecretName = null },
            Decision with { SecretName = "payments/payments-key", Classes = ["read"], Tool = "time" },
        ];

        foreach (var decision in decisions)
        {
            Assert.True(DecisionTicket.TryVerify(decision.Sign(Policy), [Policy.Verifier], out var read, out var reason));
            Assert.Equal(decision, read);
            Assert.Equal(TicketRefusal.None, reason);
        }
    }

    [Fact]
    public void The_text_of_a_decision_is_of_these_lines()
    {
        var text = Encoding.UTF8.GetString(Decision.Sign(Policy)).Split("\n\n")[0];

        Assert.Equal(
            [
                "mesh-decision/v1", "mesh.local", "0198c0de-7000-7abc-8def-0123456789ab", "acme", "refund-request",
                ContentDigest.Of("workflow"u8).ToString(), "0198c0de-7000-7abc-8def-0123456789ac", "payments.refund",
                ContentDigest.Of("tool"u8).ToString(), "customer_facing,write", "payments", "payments-key",
                Hash256.Of("action"u8).ToString(), "1", "3", ContentDigest.Of("policy"u8).ToString(), "-", "1795435200000",
            ],
            text.Split('\n'));
    }

    [Fact]
    public void The_text_of_a_receipt_is_of_these_lines_and_is_read_as_it_was_signed()
    {
        var note = Receipt.Sign(Audit);

        Assert.True(ReceiptTicket.TryVerify(note, [Audit.Verifier], out var read, out _));
        Assert.Equal(Receipt, read);
        Assert.Equal(
            ["mesh-receipt/v1", "mesh.local/audit/acme", "41", Receipt.LeafHash.ToBase64(), Receipt.Action.ToString(), "1", "3", "perform", "1795435200000"],
            Encoding.UTF8.GetString(note).Split("\n\n")[0].Split('\n'));
    }

    [Theory]
    [InlineData(7, "Perform")]
    [InlineData(7, "")]
    [InlineData(7, "1")]
    [InlineData(8, "perform")]
    public void A_receipt_whose_fields_are_written_otherwise_is_malformed(int line, string value)
    {
        var lines = Encoding.UTF8.GetString((Receipt with { Purpose = TicketPurpose.Probe }).Sign(Audit)).Split("\n\n")[0].Split('\n');
        Assert.Equal("probe", lines[7]);
        lines[line] = value;

        // An empty line would be refused by the signer already, as it should.
        var text = string.Join('\n', lines).Replace("\n\n", "\n", StringComparison.Ordinal) + "\n";

        Assert.Equal(TicketRefusal.Malformed, RefusalOfReceipt(SignedNote.Sign(text, Audit), [Audit.Verifier]));
    }

    [Fact]
    public void A_ticket_of_one_kind_or_signer_is_none_of_the_other()
    {
        NoteVerifier[] both = [Policy.Verifier, Audit.Verifier];

        Assert.Equal(TicketRefusal.WrongKind, RefusalOfDecision(Receipt.Sign(Audit), both));
        Assert.Equal(TicketRefusal.WrongKind, RefusalOfReceipt(Decision.Sign(Policy), both));
        Assert.Equal(TicketRefusal.UnknownSigner, RefusalOfDecision(Decision.Sign(Audit), [Policy.Verifier]));
        Assert.Equal(TicketRefusal.UnknownSigner, RefusalOfReceipt(Receipt.Sign(Policy), [Audit.Verifier]));
        Assert.Equal(TicketRefusal.NotANote, RefusalOfDecision("hello"u8.ToArray(), both));
        Assert.Equal(TicketRefusal.NotANote, RefusalOfDecision(new byte[SignedNote.BytesMax + 1], both));
    }

    [Fact]
    public void A_decision_ends_five_seconds_after_its_expiry()
    {
        Assert.False(Decision.IsExpired(Noon));
        Assert.False(Decision.IsExpired(Noon + TimeSpan.FromSeconds(5)));
        Assert.True(Decision.IsExpired(Noon + TimeSpan.FromMilliseconds(5_001)));
    }

    [Fact]
    public void Times_are_kept_in_whole_milliseconds()
    {
        var odd = Decision with { Expiry = Noon.AddTicks(12_345).ToOffset(TimeSpan.FromHours(2)) };

        Assert.True(DecisionTicket.TryVerify(odd.Sign(Policy), [Policy.Verifier], out var read, out _));
        Assert.Equal(odd.Expiry, read.Expiry);
        Assert.Equal(Noon.AddMilliseconds(1), odd.Expiry);
    }

    [Fact]
    public void Fields_that_could_be_read_as_another_ticket_are_not_signed()
    {
        DecisionTicket[] decisions =
        [
            Decision with { Domain = "mesh.local\nx" },
            Decision with { Domain = "" },
            Decision with { Tenant = "acme\n" },
            Decision with { Tenant = "Acme" },
            Decision with { Workflow = "-" },
            Decision with { Tool = "payments..refund" },
            Decision with { Tool = "payments.refund\nx" },
            Decision with { Classes = [] },
            Decision with { Classes = ["read,write"] },
            Decision with { Classes = ["read", "read"] },
            Decision with { Integration = "-" },
            Decision with { SecretName = "a/b/c" },
            Decision with { SecretName = "../x" },
            Decision with { Dispatch = -1 },
            Decision with { Epoch = -1 },
            Decision with { Expiry = DateTimeOffset.MinValue },
        ];

        ReceiptTicket[] receipts =
        [
            Receipt with { Origin = "mesh.local/audit/acme\n0" },
            Receipt with { Origin = "https://mesh.local" },
            Receipt with { Index = -1 },
            Receipt with { Dispatch = -1 },
            Receipt with { Epoch = -1 },
            Receipt with { Time = DateTimeOffset.MinValue },
        ];

        Assert.All(decisions, d => Assert.Throws<ArgumentException>(() => d.Sign(Policy)));
        Assert.All(receipts, r => Assert.Throws<ArgumentException>(() => r.Sign(Audit)));
    }

    [Theory]
    [InlineData(2, "0198C0DE-7000-7abc-8def-0123456789ab")]
    [InlineData(3, "Acme")]
    [InlineData(4, "")]
    [InlineData(5, "sha256:00")]
    [InlineData(9, "write,customer_facing")]
    [InlineData(9, "write,write")]
    [InlineData(10, "-x")]
    [InlineData(13, "01")]
    [InlineData(13, "+1")]
    [InlineData(13, "-1")]
    [InlineData(14, "99999999999999999999")]
    [InlineData(16, "none")]
    [InlineData(17, "9223372036854775807")]
    public void A_signed_text_whose_fields_are_written_otherwise_is_malformed(int line, string value)
    {
        var lines = Encoding.UTF8.GetString(Decision.Sign(Policy)).Split("\n\n")[0].Split('\n');
        lines[line] = value;

        // An empty line would be refused by the signer already, as it should.
        var text = string.Join('\n', lines) + "\n";
        var note = value.Length == 0 ? SignedNote.Sign(text.Replace("\n\n", "\n", StringComparison.Ordinal), Policy) : SignedNote.Sign(text, Policy);

        Assert.Equal(TicketRefusal.Malformed, RefusalOfDecision(note, [Policy.Verifier]));
    }

    [Fact]
    public void A_signed_text_with_a_line_more_is_malformed()
    {
        var decision = Encoding.UTF8.GetString(Decision.Sign(Policy)).Split("\n\n")[0];
        var receipt = Encoding.UTF8.GetString(Receipt.Sign(Audit)).Split("\n\n")[0];

        Assert.Equal(TicketRefusal.Malformed, RefusalOfDecision(SignedNote.Sign(decision + "\nx\n", Policy), [Policy.Verifier]));
        Assert.Equal(TicketRefusal.Malformed, RefusalOfReceipt(SignedNote.Sign(receipt + "\nx\n", Audit), [Audit.Verifier]));
        Assert.Equal(TicketRefusal.WrongKind, RefusalOfDecision(SignedNote.Sign("mesh-decision/v10\n", Policy), [Policy.Verifier]));
    }

    [Fact]
    public void No_change_of_a_byte_survives()
    {
        var decision = Decision.Sign(Policy);
        var receipt = Receipt.Sign(Audit);

        foreach (var bit in Enumerable.Range(0, 8))
        {
            for (var at = 0; at < decision.Length; at++)
            {
                decision[at] ^= (byte)(1 << bit);
                Assert.False(DecisionTicket.TryVerify(decision, [Policy.Verifier], out _, out _));
                decision[at] ^= (byte)(1 << bit);
            }

            for (var at = 0; at < receipt.Length; at++)
            {
                receipt[at] ^= (byte)(1 << bit);
                Assert.False(ReceiptTicket.TryVerify(receipt, [Audit.Verifier], out _, out _));
                receipt[at] ^= (byte)(1 << bit);
            }
        }

        Assert.True(DecisionTicket.TryVerify(decision, [Policy.Verifier], out _, out _));
        Assert.True(ReceiptTicket.TryVerify(receipt, [Audit.Verifier], out _, out _));
    }

    [Fact]
    public void No_cut_and_no_addition_survives()
    {
        var note = Decision.Sign(Policy);

        for (var length = 0; length < note.Length; length++)
        {
            Assert.False(DecisionTicket.TryVerify(note.AsSpan(0, length), [Policy.Verifier], out _, out _));
            Assert.False(DecisionTicket.TryVerify(note.AsSpan(length + 1), [Policy.Verifier], out _, out _));
        }

        foreach (var more in new[] { " ", "\n", "x", "\0" })
        {
            Assert.False(DecisionTicket.TryVerify([.. note, .. Encoding.UTF8.GetBytes(more)], [Policy.Verifier], out _, out _));
            Assert.False(DecisionTicket.TryVerify([.. Encoding.UTF8.GetBytes(more), .. note], [Policy.Verifier], out _, out _));
        }
    }

    [Fact]
    public void Random_bytes_are_refused_and_never_throw()
    {
        var random = new Random(5);
        var note = Decision.Sign(Policy);

        for (var i = 0; i < 20_000; i++)
        {
            var bytes = i % 2 == 0 ? new byte[random.Next(400)] : note.ToArray();
            random.NextBytes(i % 2 == 0 ? bytes : bytes.AsSpan(random.Next(note.Length - 20), random.Next(1, 20)));

            Assert.False(DecisionTicket.TryVerify(bytes, [Policy.Verifier], out _, out var decision) && !bytes.AsSpan().SequenceEqual(note));
            Assert.False(ReceiptTicket.TryVerify(bytes, [Policy.Verifier], out _, out var receipt));
            Assert.NotEqual(TicketRefusal.None, receipt);
            Assert.NotEqual(TicketRefusal.Malformed, decision);
        }
    }

    private static TicketRefusal RefusalOfDecision(byte[] note, NoteVerifier[] verifiers)
    {
        Assert.False(DecisionTicket.TryVerify(note, verifiers, out var ticket, out var reason));
        Assert.Null(ticket);
        return reason;
    }

    private static TicketRefusal RefusalOfReceipt(byte[] note, NoteVerifier[] verifiers)
    {
        Assert.False(ReceiptTicket.TryVerify(note, verifiers, out var ticket, out var reason));
        Assert.Null(ticket);
        return reason;
    }
}
