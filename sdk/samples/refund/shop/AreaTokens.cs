using System.Security.Cryptography;
using System.Text;

namespace Refund.Shop;

/// <summary>The bearer token of each area: an order desk, a payment provider and a mail service in one program.</summary>
internal sealed record AreaTokens(string Crm, string Payments, string Mail)
{
    public static AreaTokens Read(IConfiguration settings)
    {
        return new AreaTokens(Need("SHOP_CRM_TOKEN"), Need("SHOP_PAYMENTS_TOKEN"), Need("SHOP_MAIL_TOKEN"));

        string Need(string name) => settings[name] is { Length: > 0 } token
            ? token
            : throw new InvalidOperationException($"{name} is not set: the shop lets nobody in without a token.");
    }

    public bool Admits(HttpRequest request)
    {
        var token = request.Path.Value switch
        {
            { } path when path.StartsWith("/v1/orders", StringComparison.Ordinal) => Crm,
            { } path when path.StartsWith("/v1/mails", StringComparison.Ordinal) => Mail,
            _ => Payments,
        };
        return CryptographicOperations.FixedTimeEquals(
            Encoding.UTF8.GetBytes(request.Headers.Authorization.ToString()),
            Encoding.UTF8.GetBytes($"Bearer {token}"));
    }
}
