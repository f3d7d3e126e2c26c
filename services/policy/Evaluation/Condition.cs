using System.Collections.Frozen;
using System.Collections.Immutable;

namespace Mesh.Policy.Evaluation;

/// <summary>A condition over the attributes of a call: total, without side effects, in Kleene's three values.</summary>
/// <remarks>What is missing or of another type is an error, also under <c>not</c> and <c>ne</c>: it never makes a permit match.</remarks>
internal abstract record Condition
{
    public abstract Truth Of(CallAttributes call);

    /// <summary>Every part holds. An empty list holds always.</summary>
    internal sealed record All(ImmutableArray<Condition> Parts) : Condition
    {
        public override Truth Of(CallAttributes call)
        {
            var result = Truth.Yes;

            foreach (var part in Parts)
            {
                var truth = part.Of(call);

                if (truth == Truth.No)
                {
                    return Truth.No;
                }

                result = truth == Truth.Error ? Truth.Error : result;
            }

            return result;
        }
    }

    /// <summary>At least one part holds. An empty list never holds.</summary>
    internal sealed record Any(ImmutableArray<Condition> Parts) : Condition
    {
        public override Truth Of(CallAttributes call)
        {
            var result = Truth.No;

            foreach (var part in Parts)
            {
                var truth = part.Of(call);

                if (truth == Truth.Yes)
                {
                    return Truth.Yes;
                }

                result = truth == Truth.Error ? Truth.Error : result;
            }

            return result;
        }
    }

    internal sealed record Not(Condition Part) : Condition
    {
        public override Truth Of(CallAttributes call) => Part.Of(call) switch
        {
            Truth.Yes => Truth.No,
            Truth.No => Truth.Yes,
            _ => Truth.Error,
        };
    }

    internal sealed record Exists(string Attribute, bool Expected) : Condition
    {
        public override Truth Of(CallAttributes call) => (call.Find(Attribute) is not null) == Expected ? Truth.Yes : Truth.No;
    }

    internal sealed record EqualTo(string Attribute, AttributeValue Operand) : Condition
    {
        public override Truth Of(CallAttributes call) => (call.Find(Attribute), Operand) switch
        {
            (AttributeValue.Text a, AttributeValue.Text b) => When(string.Equals(a.Value, b.Value, StringComparison.Ordinal)),
            (AttributeValue.Whole a, AttributeValue.Whole b) => When(a.Value == b.Value),
            (AttributeValue.Flag a, AttributeValue.Flag b) => When(a.Value == b.Value),
            _ => Truth.Error,
        };
    }

    internal sealed record Compared(string Attribute, Comparison Comparison, long Operand) : Condition
    {
        public override Truth Of(CallAttributes call) => call.Find(Attribute) is not AttributeValue.Whole number
            ? Truth.Error
            : When(Comparison switch
            {
                Comparison.Less => number.Value < Operand,
                Comparison.LessOrEqual => number.Value <= Operand,
                Comparison.Greater => number.Value > Operand,
                _ => number.Value >= Operand,
            });
    }

    internal sealed record OneOfTexts(string Attribute, FrozenSet<string> Operands) : Condition
    {
        public override Truth Of(CallAttributes call) =>
            call.Find(Attribute) is AttributeValue.Text text ? When(Operands.Contains(text.Value)) : Truth.Error;
    }

    internal sealed record OneOfWholes(string Attribute, FrozenSet<long> Operands) : Condition
    {
        public override Truth Of(CallAttributes call) =>
            call.Find(Attribute) is AttributeValue.Whole number ? When(Operands.Contains(number.Value)) : Truth.Error;
    }

    internal sealed record StartsWith(string Attribute, string Operand) : Condition
    {
        public override Truth Of(CallAttributes call) => call.Find(Attribute) is AttributeValue.Text text
            ? When(text.Value.StartsWith(Operand, StringComparison.Ordinal))
            : Truth.Error;
    }

    /// <summary>The host is the domain or below it, label by label: <c>evil-example.com</c> is not under <c>example.com</c>.</summary>
    /// <remarks>Of anything but a host name it is an error: what follows the host of a URL may end in any domain.</remarks>
    internal sealed record HostUnder(string Attribute, string Domain) : Condition
    {
        public override Truth Of(CallAttributes call)
        {
            if (call.Find(Attribute) is not AttributeValue.Text text || !HostName.IsOne(text.Value))
            {
                return Truth.Error;
            }

            var host = text.Value.AsSpan().TrimEnd('.');
            var isUnder = host.EndsWith(Domain, StringComparison.OrdinalIgnoreCase)
                && (host.Length == Domain.Length || host[host.Length - Domain.Length - 1] == '.');
            return When(isUnder);
        }
    }

    internal sealed record Intersects(string Attribute, FrozenSet<string> Operands) : Condition
    {
        public override Truth Of(CallAttributes call) =>
            call.Find(Attribute) is AttributeValue.Labels labels ? When(Operands.Overlaps(labels.Values)) : Truth.Error;
    }

    internal sealed record SubsetOf(string Attribute, FrozenSet<string> Operands) : Condition
    {
        public override Truth Of(CallAttributes call) =>
            call.Find(Attribute) is AttributeValue.Labels labels ? When(Operands.IsSupersetOf(labels.Values)) : Truth.Error;
    }

    /// <summary>Something that this build cannot evaluate: always an error, so it counts against the call.</summary>
    internal sealed record Unknown : Condition
    {
        public override Truth Of(CallAttributes call) => Truth.Error;
    }

    private static Truth When(bool holds) => holds ? Truth.Yes : Truth.No;
}

/// <summary>The orders that a number can be compared by.</summary>
internal enum Comparison
{
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}
