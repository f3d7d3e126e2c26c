using System.Text.Json.Nodes;

namespace Mesh.Cli.Demo;

/// <summary>What the shop was asked for and did, as it says itself.</summary>
internal sealed class ShopBook(JsonNode book)
{
    public int RefundsOf(string order) => All("refunds").Count(refund => refund["request"]?["order"]?.GetValue<string>() == order);

    public int MailsAbout(string order) =>
        All("mails").Count(mail => mail["request"]?["subject"]?.GetValue<string>().EndsWith($" {order}", StringComparison.Ordinal) == true);

    /// <summary>Mails that were asked for and not answered yet.</summary>
    public int MailsOnTheWay() =>
        All("requests").Count(request => request["path"]?.GetValue<string>() == "/v1/mails" && request["status"] is null);

    /// <summary>Requests whose bearer token was not the right one.</summary>
    public int Unauthorized() => All("requests").Count(request => request["authorized"]?.GetValue<bool>() != true);

    private IEnumerable<JsonNode> All(string name) => book[name]!.AsArray().Select(item => item!);
}
