using System.Text.Json;
using System.Text.RegularExpressions;

namespace Mesh.Manifests.Schema;

internal enum Bound
{
    Minimum,
    ExclusiveMinimum,
    Maximum,
    ExclusiveMaximum,
    MultipleOf,
}

internal sealed class NumberAssertion(Bound bound, ExactNumber limit, string limitText) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.Number)
        {
            return true;
        }

        if (!ExactNumber.TryRead(instance, out var number))
        {
            return run.Stop(at, $"is a number with more than {ExactNumber.DigitsMax} digits or an exponent above {ExactNumber.ExponentMax}");
        }

        return bound switch
        {
            Bound.Minimum => number.CompareTo(limit) >= 0 || run.Miss(at, $"must be at least {limitText}"),
            Bound.ExclusiveMinimum => number.CompareTo(limit) > 0 || run.Miss(at, $"must be above {limitText}"),
            Bound.Maximum => number.CompareTo(limit) <= 0 || run.Miss(at, $"must be at most {limitText}"),
            Bound.ExclusiveMaximum => number.CompareTo(limit) < 0 || run.Miss(at, $"must be below {limitText}"),
            _ => number.IsMultipleOf(limit) || run.Miss(at, $"must be a multiple of {limitText}"),
        };
    }
}

internal sealed class LengthAssertion(long? min, long? max) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.String)
        {
            return true;
        }

        // Code points, as the standard counts; UTF-16 units would count an emoji twice.
        var length = instance.GetString()!.EnumerateRunes().LongCount();

        return (min is null || length >= min || run.Miss(at, $"must have at least {min} characters"))
            && (max is null || length <= max || run.Miss(at, $"must have at most {max} characters"));
    }
}

internal sealed class PatternAssertion(Regex pattern, string written) : Assertion
{
    public override bool Check(JsonElement instance, InstancePath at, Evaluation run)
    {
        if (instance.ValueKind != JsonValueKind.String)
        {
            return true;
        }

        return IsMatch(pattern, instance.GetString()!, at, run) || (!run.IsOver && run.Miss(at, $"must match the pattern {written}"));
    }

    public static bool IsMatch(Regex pattern, string text, InstancePath at, Evaluation run)
    {
        try
        {
            return pattern.IsMatch(text);
        }
        catch (RegexMatchTimeoutException)
        {
            return run.Stop(at, $"could not be matched against its pattern within {EcmaPattern.TimeMax.TotalMilliseconds} ms");
        }
    }
}
