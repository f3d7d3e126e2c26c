namespace Mesh.Integrity;

/// <summary>The identity of one action. Decision, receipt, lease, approval and idempotency key are all bound to it.</summary>
/// <param name="Hash">SHA-256 over <c>mesh/action/v1</c>, a newline, and the canonical JSON of the description.</param>
public readonly record struct ActionDigest(Hash256 Hash)
{
    // Keeps this digest apart from every other SHA-256 of JSON in the system.
    private static ReadOnlySpan<byte> Label => "mesh/action/v1\n"u8;

    /// <summary>The digest of an action. Whoever relies on it MUST compute it from what they evaluate or send.</summary>
    /// <exception cref="ArgumentException">A name has half of a surrogate pair, which has no UTF-8 form.</exception>
    public static ActionDigest Compute(ActionDescription action)
    {
        var preimage = new JsonBuffer(512 + action.Arguments.Length);
        preimage.Write(Label);

        // Members in the order of RFC 8785, so the object is canonical as it is written.
        var json = new CanonicalObject(preimage);
        json.Value("arguments", action.Arguments);
        json.Text("step", action.Step);
        json.Text("task", action.Task.ToString("D"));
        json.Text("tenant", action.Tenant);
        json.Text("tool", action.Tool);
        json.Text("tool_digest", action.ToolDigest.ToString());
        json.Text("workflow", action.Workflow);
        json.Text("workflow_version", action.WorkflowVersion.ToString());
        json.End();

        return new ActionDigest(Hash256.Of(preimage.Written));
    }

    /// <summary>Reads what <see cref="ToString"/> writes.</summary>
    /// <exception cref="FormatException">It is not of that form.</exception>
    public static ActionDigest Parse(ReadOnlySpan<char> hex) =>
        TryParse(hex, out var digest) ? digest : throw new FormatException("An action digest is 64 lower-case hex digits.");

    /// <summary>Reads what <see cref="ToString"/> writes, and nothing else.</summary>
    public static bool TryParse(ReadOnlySpan<char> hex, out ActionDigest digest)
    {
        var ok = Hash256.TryParseHex(hex, out var hash);
        digest = new ActionDigest(hash);
        return ok;
    }

    /// <summary>64 lower-case hex digits. This is also the <c>Idempotency-Key</c> that tools send.</summary>
    public override string ToString() => Hash.ToString();
}
