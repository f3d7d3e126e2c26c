using System.Text.Json.Serialization;

namespace Refund.Shop;

internal sealed record Order(string Id, string Customer, string Mail, long TotalMinor, string Currency);

internal sealed record RefundRequest(string Order, long AmountMinor, string Currency);

internal sealed record MailRequest(string To, string Subject, string Text);

/// <summary>Something that the shop was asked for or did. The file holds one per line.</summary>
[JsonPolymorphic(TypeDiscriminatorPropertyName = "kind")]
[JsonDerivedType(typeof(Offered), "offered")]
[JsonDerivedType(typeof(Asked), "request")]
[JsonDerivedType(typeof(Answered), "answer")]
[JsonDerivedType(typeof(OrderRead), "order")]
[JsonDerivedType(typeof(Refunded), "refund")]
[JsonDerivedType(typeof(Mailed), "mail")]
internal abstract record Entry(DateTimeOffset At)
{
    internal sealed record Offered(DateTimeOffset At, Order Order) : Entry(At);

    /// <summary>Whether the token was right is kept, the token never is.</summary>
    internal sealed record Asked(
        DateTimeOffset At, int Number, string Method, string Path, string? IdempotencyKey, bool Authorized) : Entry(At);

    internal sealed record Answered(DateTimeOffset At, int Number, int Status) : Entry(At);

    internal sealed record OrderRead(DateTimeOffset At, string Id) : Entry(At);

    internal sealed record Refunded(
        DateTimeOffset At, string Id, string? IdempotencyKey, RefundRequest Request) : Entry(At);

    internal sealed record Mailed(
        DateTimeOffset At, string Id, string? IdempotencyKey, MailRequest Request) : Entry(At);
}
