using System.Globalization;
using System.Numerics;
using System.Text.Json;

namespace Mesh.Manifests.Schema;

/// <summary>A JSON number without rounding: mantissa × 10^exponent, the mantissa without trailing zeros.</summary>
internal readonly record struct ExactNumber(BigInteger Mantissa, int Exponent) : IComparable<ExactNumber>
{
    // Every finite double fits; anything wider only costs memory.
    public const int DigitsMax = 800;
    public const int ExponentMax = 400;

    public bool IsInteger => Exponent >= 0;

    public static ExactNumber From(long value) => Normal(value, 0);

    public static bool TryRead(JsonElement element, out ExactNumber number)
    {
        if (element.TryGetInt64(out var whole))
        {
            number = From(whole);
            return true;
        }

        number = default;
        var text = element.GetRawText();
        var exponentAt = text.AsSpan().IndexOfAny('e', 'E');
        var digits = exponentAt < 0 ? text : text[..exponentAt];
        var exponent = 0;

        if (digits.Length > DigitsMax
            || (exponentAt >= 0 && !int.TryParse(text.AsSpan(exponentAt + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out exponent))
            || Math.Abs((long)exponent) > ExponentMax)
        {
            return false;
        }

        var pointAt = digits.IndexOf('.', StringComparison.Ordinal);

        if (pointAt >= 0)
        {
            exponent -= digits.Length - pointAt - 1;
            digits = digits.Remove(pointAt, 1);
        }

        number = Normal(BigInteger.Parse(digits, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture), exponent);
        return true;
    }

    public bool IsMultipleOf(ExactNumber divisor)
    {
        var common = Math.Min(Exponent, divisor.Exponent);
        return (Scaled(common) % divisor.Scaled(common)).IsZero;
    }

    public int CompareTo(ExactNumber other)
    {
        var common = Math.Min(Exponent, other.Exponent);
        return Scaled(common).CompareTo(other.Scaled(common));
    }

    public bool TryGetLong(out long value)
    {
        value = 0;

        if (!IsInteger || CompareTo(From(long.MaxValue)) > 0 || CompareTo(From(long.MinValue)) < 0)
        {
            return false;
        }

        value = (long)Scaled(0);
        return true;
    }

    public override string ToString() => Exponent == 0
        ? Mantissa.ToString(CultureInfo.InvariantCulture)
        : string.Create(CultureInfo.InvariantCulture, $"{Mantissa}e{Exponent}");

    private BigInteger Scaled(int exponent) => Mantissa * BigInteger.Pow(10, Exponent - exponent);

    private static ExactNumber Normal(BigInteger mantissa, int exponent)
    {
        if (mantissa.IsZero)
        {
            return new ExactNumber(BigInteger.Zero, 0);
        }

        while (true)
        {
            var (quotient, rest) = BigInteger.DivRem(mantissa, 10);

            if (!rest.IsZero)
            {
                return new ExactNumber(mantissa, exponent);
            }

            (mantissa, exponent) = (quotient, exponent + 1);
        }
    }
}
