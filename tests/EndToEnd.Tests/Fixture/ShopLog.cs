using System.Text.Json;

namespace EndToEnd.Tests.Fixture;

/// <summary>What the shop saw and did about one order.</summary>
public sealed record ShopLog(IReadOnlyList<JsonElement> Refunds, IReadOnlyList<JsonElement> Mails, IReadOnlyList<JsonElement> Requests)
{
    /// <summary>Requests by their method and path, whatever became of them.</summary>
    public int Asked(string method, string path) => Requests.Count(request => Is(request, method, path));

    /// <summary>Requests that are at the shop and have no answer yet.</summary>
    public int Holding(string method, string path) => Requests.Count(request =>
        Is(request, method, path) && request.GetProperty("status").ValueKind == JsonValueKind.Null);

    /// <summary>Requests that were answered.</summary>
    public int Answered(string method, string path) => Requests.Count(request =>
        Is(request, method, path) && request.GetProperty("status").ValueKind == JsonValueKind.Number);

    /// <summary>What was asked after the request of that number.</summary>
    public ShopLog After(int number) => this with { Requests = [.. Requests.Where(request => request.GetProperty("number").GetInt32() > number)] };

    /// <summary>The part of the whole log that is about an order. Requests that bear no order are kept all.</summary>
    public static ShopLog Of(JsonElement log, string order)
    {
        var refunds = log.GetProperty("refunds").EnumerateArray()
            .Where(refund => refund.GetProperty("request").GetProperty("order").GetString() == order).ToList();
        var mails = log.GetProperty("mails").EnumerateArray()
            .Where(mail => mail.GetProperty("request").GetProperty("subject").GetString()!.EndsWith($" {order}", StringComparison.Ordinal)).ToList();
        var keys = refunds.Concat(mails).Select(one => one.GetProperty("idempotency_key").GetString()).Where(key => key is not null).ToHashSet();
        var requests = log.GetProperty("requests").EnumerateArray()
            .Where(request => request.GetProperty("path").GetString() == $"/v1/orders/{order}" || keys.Contains(request.GetProperty("idempotency_key").GetString()))
            .ToList();

        return new ShopLog(refunds, mails, requests);
    }

    /// <summary>Whole log, unfiltered.</summary>
    public static ShopLog Whole(JsonElement log) => new(
        [.. log.GetProperty("refunds").EnumerateArray()],
        [.. log.GetProperty("mails").EnumerateArray()],
        [.. log.GetProperty("requests").EnumerateArray()]);

    private static bool Is(JsonElement request, string method, string path) =>
        request.GetProperty("method").GetString() == method
        && request.GetProperty("path").GetString()!.StartsWith(path, StringComparison.Ordinal);
}
