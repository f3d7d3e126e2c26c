using System.Globalization;
using Mesh.Cli.Output;

namespace Mesh.Cli.DeadLetters;

/// <summary>How parked messages are shown: what, for whom, since when, and why.</summary>
internal static class DeadLetterView
{
    public static Table<Bus.V1.DeadLetter> List { get; } = new(
        letter => letter.MessageId,
        new("message", letter => letter.MessageId),
        new("consumer", letter => letter.Consumer),
        new("tenant", letter => letter.Tenant),
        new("type", letter => letter.Type),
        new("attempts", letter => letter.Attempts.ToString(CultureInfo.InvariantCulture)),
        new("parked", letter => Told.Time(letter.ParkedAt)),
        new("error", letter => Told.Cut(letter.Error, 60)));

    public static void Write(TextWriter to, Bus.V1.DeadLetter letter)
    {
        Line("message", letter.MessageId);
        Line("consumer", letter.Consumer);
        Line("tenant", letter.Tenant);
        Line("key", $"{letter.Key}, place {letter.KeySequence}");
        Line("type", letter.Type);
        Line("attempts", letter.Attempts.ToString(CultureInfo.InvariantCulture));
        Line("parked", Told.Time(letter.ParkedAt));
        Line("error", letter.Error);
        Line("body", $"{letter.Body.Length} bytes: {Convert.ToHexStringLower(letter.Body.Span[..Math.Min(letter.Body.Length, 32)])}{(letter.Body.Length > 32 ? "…" : "")}");

        void Line(string name, string value)
        {
            if (value.Length > 0)
            {
                to.WriteLine($"{name,-10} {Told.OneLine(value)}");
            }
        }
    }
}
