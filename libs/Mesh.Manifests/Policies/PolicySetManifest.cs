using Mesh.Manifests.Kinds;

namespace Mesh.Manifests.Policies;

/// <summary>The rules of a tenant. Always enforced: other modes are refused.</summary>
/// <param name="Version">Grows with every change.</param>
/// <param name="Rules">All are evaluated; their order means nothing.</param>
/// <param name="Limits">Bounds that permitted calls share.</param>
/// <param name="Approvals">Who may release a call that is held.</param>
/// <param name="Tests">Run at apply; one that fails refuses the set.</param>
public sealed record PolicySetManifest(
    int Version,
    IReadOnlyList<PolicyRule> Rules,
    IReadOnlyList<PolicyLimit> Limits,
    IReadOnlyList<ApprovalRule> Approvals,
    IReadOnlyList<PolicyTest> Tests) : Manifest;

/// <summary>What a matching rule, or an exceeded limit, says.</summary>
public enum RuleEffect
{
    /// <summary>The call may go on.</summary>
    Permit,

    /// <summary>Only after a person agreed.</summary>
    RequireApproval,

    /// <summary>Never.</summary>
    Forbid,
}

/// <summary>One rule.</summary>
/// <param name="Id">Unique in its set.</param>
/// <param name="Effect">What it says when it matches.</param>
/// <param name="When">When it matches.</param>
/// <param name="IsUnattended">A permit that holds for customer-facing, destructive and financial tools without a person.</param>
/// <param name="Limits">Limits that a permitted call must fit into.</param>
/// <param name="Approval">Who must agree; given exactly when the effect is to require approval.</param>
/// <param name="Reason">For the people who read the decision.</param>
public sealed record PolicyRule(
    string Id,
    RuleEffect Effect,
    RuleScope When,
    bool IsUnattended,
    IReadOnlyList<string> Limits,
    string? Approval,
    string? Reason);

/// <summary>When a rule matches: all that is given must hold.</summary>
/// <param name="Tools">One of these tools; empty means any.</param>
/// <param name="Classes">The tool carries one of these classes; empty means any.</param>
/// <param name="Condition">What must hold of the attributes; null means nothing.</param>
public sealed record RuleScope(IReadOnlyList<string> Tools, IReadOnlyList<ToolClass> Classes, Condition? Condition);

/// <summary>What must hold of the attributes of a call.</summary>
public abstract record Condition
{
    /// <summary>Every one holds.</summary>
    public sealed record All(IReadOnlyList<Condition> Conditions) : Condition;

    /// <summary>At least one holds.</summary>
    public sealed record Any(IReadOnlyList<Condition> Conditions) : Condition;

    /// <summary>It does not hold. An error in it stays an error.</summary>
    public sealed record Not(Condition Negated) : Condition;

    /// <summary>One attribute compared with a constant.</summary>
    public sealed record Comparison(string Attribute, Operator Operator, PolicyValue Operand) : Condition;
}

/// <summary>How an attribute is compared with a constant.</summary>
public enum Operator
{
    /// <summary>Equal: string, integer or boolean.</summary>
    Eq,

    /// <summary>Not equal: string, integer or boolean.</summary>
    Ne,

    /// <summary>Less than an integer.</summary>
    Lt,

    /// <summary>At most an integer.</summary>
    Lte,

    /// <summary>More than an integer.</summary>
    Gt,

    /// <summary>At least an integer.</summary>
    Gte,

    /// <summary>One of a list of strings or of integers.</summary>
    In,

    /// <summary>None of a list of strings or of integers.</summary>
    NotIn,

    /// <summary>A string that starts so, compared ordinally.</summary>
    Prefix,

    /// <summary>Given (true) or not given (false).</summary>
    Exists,

    /// <summary>A set that shares a member with a list of strings.</summary>
    Intersects,

    /// <summary>A set whose members are all in a list of strings.</summary>
    SubsetOf,

    /// <summary>A host name that is a domain or below it, compared label by label.</summary>
    HostUnder,
}

/// <summary>A constant of a rule, or the value of an attribute.</summary>
public abstract record PolicyValue
{
    /// <summary>A string; also the value of an enumeration.</summary>
    public sealed record Text(string Value) : PolicyValue;

    /// <summary>An integer.</summary>
    public sealed record Whole(long Value) : PolicyValue;

    /// <summary>A boolean.</summary>
    public sealed record Flag(bool Value) : PolicyValue;

    /// <summary>Strings whose order and number mean nothing.</summary>
    public sealed record Texts(IReadOnlyList<string> Values) : PolicyValue;

    /// <summary>Integers to choose from; only ever a constant.</summary>
    public sealed record Wholes(IReadOnlyList<long> Values) : PolicyValue;
}

/// <summary>A bound that calls share within a sliding window.</summary>
/// <param name="Id">Unique in its set.</param>
/// <param name="Kind">What is summed up.</param>
/// <param name="Field">The integer attribute that is summed; given exactly for amounts.</param>
/// <param name="Key">Calls that agree in these share the bound: tenant, workflow, integration, tool, or an attribute.</param>
/// <param name="Max">The sum that still fits.</param>
/// <param name="Window">How far back is summed.</param>
/// <param name="OnExceed">Forbid (written <c>deny</c>) or require approval.</param>
/// <param name="Approval">Who must agree; given exactly when that is required.</param>
public sealed record PolicyLimit(
    string Id,
    LimitKind Kind,
    string? Field,
    IReadOnlyList<string> Key,
    long Max,
    TimeSpan Window,
    RuleEffect OnExceed,
    string? Approval);

/// <summary>What a limit sums up.</summary>
public enum LimitKind
{
    /// <summary>Every call counts one.</summary>
    Count,

    /// <summary>Every call counts its field.</summary>
    Amount,
}

/// <summary>Who may release a call that is held.</summary>
/// <param name="Id">Unique in its set.</param>
/// <param name="Queue">Where it waits.</param>
/// <param name="Roles">Groups of people; a member of any may agree.</param>
/// <param name="Quorum">How many must agree; 1.</param>
/// <param name="ExpiresAfter">Then it is refused by itself.</param>
/// <param name="IsInitiatorExcluded">Whoever started the task may not release its calls.</param>
public sealed record ApprovalRule(
    string Id,
    string Queue,
    IReadOnlyList<string> Roles,
    int Quorum,
    TimeSpan ExpiresAfter,
    bool IsInitiatorExcluded);

/// <summary>An example that the set must decide as expected.</summary>
/// <param name="Name">For people.</param>
/// <param name="Tool">The tool that is asked for.</param>
/// <param name="Classes">Its classes; empty takes them from the tool's manifest.</param>
/// <param name="Attributes">The attributes of the call.</param>
/// <param name="Expect">What must come out.</param>
public sealed record PolicyTest(
    string Name,
    string Tool,
    IReadOnlyList<ToolClass> Classes,
    IReadOnlyDictionary<string, PolicyValue> Attributes,
    PolicyExpectation Expect);

/// <summary>What a test expects. What is null or empty is not compared; everything else MUST be.</summary>
/// <param name="Decision">Permit, require approval, or forbid (written <c>deny</c>).</param>
/// <param name="Rules">The matching rules that decided, in any order.</param>
/// <param name="Approval">The approval that is asked for.</param>
public sealed record PolicyExpectation(RuleEffect Decision, IReadOnlyList<string> Rules, string? Approval);
