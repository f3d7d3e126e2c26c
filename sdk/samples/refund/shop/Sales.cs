namespace Refund.Shop;

/// <summary>What the shop sells to its callers: orders, refunds and mails.</summary>
internal static class Sales
{
    public static IResult Order(string id, Book book) =>
        book.FindOrder(id) is { } order
            ? Results.Ok(order)
            : Results.Problem($"There is no order {id}.", statusCode: StatusCodes.Status404NotFound);

    public static IResult Refund(RefundRequest request, HttpRequest http, Book book)
    {
        if (request.AmountMinor <= 0)
        {
            return Results.Problem("amount_minor must be above 0.", statusCode: StatusCodes.Status400BadRequest);
        }

        return book.Refund(Counter.KeyOf(http), request) is { } refund ? Results.Ok(Answer(refund)) : KeyReused();
    }

    public static IResult RefundOf(string key, Book book) =>
        book.FindRefund(key) is { } refund
            ? Results.Ok(Answer(refund))
            : Results.Problem("No refund was made under this key.", statusCode: StatusCodes.Status404NotFound);

    public static IResult Mail(MailRequest request, HttpRequest http, Book book) =>
        book.Mail(Counter.KeyOf(http), request) is { } mail
            ? Results.Ok(new { mail.Id, SentAt = mail.At })
            : KeyReused();

    private static object Answer(Entry.Refunded refund) => new
    {
        refund.Id,
        refund.Request.Order,
        refund.Request.AmountMinor,
        refund.Request.Currency,
        RefundedAt = refund.At,
    };

    private static IResult KeyReused() => Results.Problem(
        "This Idempotency-Key was used with another body.", statusCode: StatusCodes.Status409Conflict);
}
