using System.Text.RegularExpressions;
using Mesh.Integrity;
using Mesh.ServiceHost;

namespace Mesh.Audit.Intake;

/// <summary>What a request may contain. All of its fields that are wrong are named at once, with their limits.</summary>
internal static partial class Bounds
{
    public const int PageDefault = 256;

    private const int PageMax = 1_000;

    private const int ClassesMax = 16;

    private const int StepLengthMax = 128;

    private const int ToolLengthMax = 255;

    // A leaf's numbers are JSON.
    private const long EpochMax = (1L << 53) - 1;

    public static bool IsName(string text) => Name().IsMatch(text);

    public static void Check(V1.AppendIntentRequest request) => Check(
        (IsName(request.Tenant), "tenant", NameLimit),
        (IsName(request.Workflow), "workflow", NameLimit),
        (request.TaskId.Length == 16, "task_id", "must have 16 bytes"),
        (IsText(request.Step, StepLengthMax), "step", $"must have 1 to {StepLengthMax} characters, none of them a control character"),
        (IsText(request.Tool, ToolLengthMax), "tool", $"must have 1 to {ToolLengthMax} characters, none of them a control character"),
        (request.Classes.Count is > 0 and <= ClassesMax && request.Classes.All(c => Class().IsMatch(c)), "classes", $"must be 1 to {ClassesMax} classes"),
        (request.ActionDigest.Length == Hash256.Size, "action_digest", $"must have {Hash256.Size} bytes"),
        (request.Dispatch >= 1, "dispatch", "must be 1 or more"),
        (request.Epoch is >= 0 and <= EpochMax, "epoch", $"must be between 0 and {EpochMax}"),
        (TicketPurposes.TryParse(request.Purpose, out _), "purpose", "must be perform or probe"),
        (request.Decision.Length is > 0 and <= SignedNote.BytesMax, "decision", $"must have 1 to {SignedNote.BytesMax} bytes"));

    public static void Check(V1.ListEntriesRequest request) => Check(
        (IsLog(request.Tenant), "tenant", NameLimit),
        (request.Start >= 0, "start", "must be 0 or more"),
        (request.Count is >= 0 and <= PageMax, "count", $"must be between 0 (for {PageDefault}) and {PageMax}"),
        (request.TaskId.Length == 0 || Guid.TryParse(request.TaskId, out _), "task_id", "must be empty or a UUID"));

    public static void Check(V1.GetInclusionProofRequest request) => Check(
        (IsLog(request.Tenant), "tenant", NameLimit),
        (request.Index >= 0, "index", "must be 0 or more"),
        (request.TreeSize >= 0, "tree_size", "must be 0 (for the newest) or more"));

    public static void Check(V1.GetConsistencyProofRequest request) => Check(
        (IsLog(request.Tenant), "tenant", NameLimit),
        (request.FromSize >= 0, "from_size", "must be 0 or more"),
        (request.ToSize >= request.FromSize, "to_size", "must be from_size or more"));

    public static void Check(V1.GetCheckpointRequest request) => Check((IsLog(request.Tenant), "tenant", NameLimit));

    private const string NameLimit = "must match [a-z][a-z0-9-]{0,62}";

    private static bool IsLog(string tenant) => tenant == Sequencing.LogName.Platform || IsName(tenant);

    private static bool IsText(string text, int lengthMax) => text.Length > 0 && text.Length <= lengthMax && !text.Any(char.IsControl);

    private static void Check(params ReadOnlySpan<(bool IsGood, string Field, string Limit)> fields)
    {
        var wrong = new List<FieldError>();

        foreach (var (isGood, field, limit) in fields)
        {
            if (!isGood)
            {
                wrong.Add(new FieldError(field, limit));
            }
        }

        if (wrong.Count > 0)
        {
            throw Refusals.Invalid(wrong);
        }
    }

    [GeneratedRegex(@"\A[a-z][a-z0-9-]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Name();

    [GeneratedRegex(@"\A[a-z][a-z0-9_]{0,62}\z", RegexOptions.CultureInvariant)]
    private static partial Regex Class();
}
