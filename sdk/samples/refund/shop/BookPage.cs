namespace Refund.Shop;

/// <summary>What <c>GET /_log</c> shows.</summary>
internal sealed record BookPage(
    IReadOnlyList<Entry.OrderRead> Orders,
    IReadOnlyList<Entry.Refunded> Refunds,
    IReadOnlyList<Entry.Mailed> Mails,
    IReadOnlyList<BookPage.Request> Requests)
{
    /// <summary>A request; without a status it was not answered (yet).</summary>
    internal sealed record Request(
        int Number,
        DateTimeOffset At,
        string Method,
        string Path,
        string? IdempotencyKey,
        bool Authorized,
        int? Status,
        DateTimeOffset? AnsweredAt);
}
