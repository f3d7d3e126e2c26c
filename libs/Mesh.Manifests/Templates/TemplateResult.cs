using System.Diagnostics.CodeAnalysis;

namespace Mesh.Manifests.Templates;

/// <summary>A filled template, or the placeholder that could not be filled.</summary>
public sealed record TemplateResult<T>
    where T : class
{
    private TemplateResult(T? value, TemplateRefusal? refusal) => (Value, Refusal) = (value, refusal);

    /// <summary>What came out; null when refused.</summary>
    public T? Value { get; }

    /// <summary>Why nothing came out; null when filled.</summary>
    public TemplateRefusal? Refusal { get; }

    /// <summary>Whether there is a value.</summary>
    [MemberNotNullWhen(true, nameof(Value))]
    [MemberNotNullWhen(false, nameof(Refusal))]
    public bool IsFilled => Refusal is null;

    internal static TemplateResult<T> Filled(T value) => new(value, null);

    internal static TemplateResult<T> Refused(TemplateRefusal refusal) => new(null, refusal);

    /// <summary>Never the value: it may hold a credential.</summary>
    public override string ToString() => IsFilled ? "filled" : Refusal.ToString();
}

/// <summary>Why a template could not be filled.</summary>
/// <param name="Placeholder">The placeholder as written, such as <c>{input.order}</c>.</param>
/// <param name="Reason">Which kind of failure this is.</param>
/// <param name="Message">A sentence for people. It never repeats the value.</param>
public sealed record TemplateRefusal(string Placeholder, TemplateRefusalReason Reason, string Message);

/// <summary>The ways in which a template can fail to be filled.</summary>
public enum TemplateRefusalReason
{
    /// <summary>There is no value.</summary>
    Missing,

    /// <summary>The value has a type that cannot stand there, such as an object in the middle of a text.</summary>
    WrongType,

    /// <summary>The value would change more than its own place: another path segment, another header.</summary>
    Unsafe,

    /// <summary>What came out is too long.</summary>
    TooLong,
}
