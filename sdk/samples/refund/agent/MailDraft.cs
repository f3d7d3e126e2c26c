using System.Globalization;

namespace RefundSample;

/// <summary>Writes the mail; a model would be asked here.</summary>
internal sealed class MailDraft(string sender)
{
    public string Write(Order order, Refund refund) => string.Create(
        CultureInfo.InvariantCulture,
        $"Dear {order.Customer}, we have refunded {order.TotalMinor / 100m:0.00} {order.Currency} for order {order.Id} ({refund.Id}). {sender}");
}
