using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Mesh.Policy.Evaluation;

/// <summary>What a rule wants when it matches.</summary>
internal enum RuleEffect
{
    Permit,
    RequireApproval,
    Forbid,
}

/// <summary>One rule, ready to be evaluated.</summary>
internal sealed record PolicyRule
{
    public required string Id { get; init; }

    public required RuleEffect Effect { get; init; }

    /// <summary>Empty for every tool.</summary>
    public FrozenSet<string> Tools { get; init; } = [];

    /// <summary>The rule is about calls that have any of these classes; empty for every class.</summary>
    public FrozenSet<string> Classes { get; init; } = [];

    public Condition Condition { get; init; } = new Condition.All([]);

    /// <summary>A permit that may do without a person what the floor would otherwise ask a person for.</summary>
    public bool IsUnattended { get; init; }

    public ImmutableArray<LimitRule> Limits { get; init; } = [];

    /// <summary>Who is asked; the default queue when a rule names none.</summary>
    public ApprovalRule Approval { get; init; } = ApprovalRule.Default;

    /// <summary>For people; empty when the author gave none.</summary>
    public string Reason { get; init; } = "";

    /// <summary>Whether the floor lets this rule stand for the person that the classes ask for.</summary>
    public bool LiftsFloor(FrozenSet<string> classes) =>
        IsUnattended
        && Limits.Any(l => l.Kind == LimitKind.Count)
        && (!classes.Contains("financial") || Limits.Any(l => l.Kind == LimitKind.Amount));

    public Truth Matches(CallAttributes call)
    {
        var context = call.Context;

        if ((Tools.Count > 0 && !Tools.Contains(context.Tool)) || (Classes.Count > 0 && !Classes.Overlaps(context.Classes)))
        {
            return Truth.No;
        }

        return Condition.Of(call);
    }
}

/// <summary>What a limit counts.</summary>
internal enum LimitKind
{
    Count,
    Amount,
}

/// <summary>What a used-up limit contributes to the decision.</summary>
internal enum OnExceed
{
    Deny,
    RequireApproval,
}

/// <summary>How much may happen in a sliding window, per key.</summary>
internal sealed record LimitRule
{
    public required string Id { get; init; }

    /// <summary>The set that declares it: limits of two sets never share a counter.</summary>
    public required string Set { get; init; }

    public required LimitKind Kind { get; init; }

    /// <summary>The attribute that is summed; empty for a count.</summary>
    public string Field { get; init; } = "";

    /// <summary>The attributes whose values together name one counter.</summary>
    public ImmutableArray<string> Key { get; init; } = [];

    public required long Max { get; init; }

    public required TimeSpan Window { get; init; }

    public OnExceed OnExceed { get; init; }

    public ApprovalRule Approval { get; init; } = ApprovalRule.Default;
}

/// <summary>Who has to approve, and until when.</summary>
internal sealed record ApprovalRule
{
    /// <summary>The queue of last resort, for the floor and for rules that name none.</summary>
    public static ApprovalRule Default { get; } = new()
    {
        Id = "default",
        Groups = ["approvers"],
        ExpiresAfter = TimeSpan.FromHours(4),
        ExcludesInitiator = true,
    };

    public required string Id { get; init; }

    /// <summary>Members of any of these may decide.</summary>
    public required ImmutableArray<string> Groups { get; init; }

    public required TimeSpan ExpiresAfter { get; init; }

    public int Quorum { get; init; } = 1;

    public bool ExcludesInitiator { get; init; }

    /// <summary>One requirement that satisfies both: whoever may decide for either, the shorter time, the stricter separation.</summary>
    /// <remarks>Also when both have one id: ids are unique inside a set only, and two sets may mean two things by it.</remarks>
    public ApprovalRule And(ApprovalRule other) => new()
    {
        Id = Id == other.Id ? Id : $"{Id}+{other.Id}",
        Groups = [.. Groups.Intersect(other.Groups, StringComparer.Ordinal)],
        ExpiresAfter = ExpiresAfter < other.ExpiresAfter ? ExpiresAfter : other.ExpiresAfter,
        Quorum = Math.Max(Quorum, other.Quorum),
        ExcludesInitiator = ExcludesInitiator || other.ExcludesInitiator,
    };
}
