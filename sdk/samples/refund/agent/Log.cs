using Microsoft.Extensions.Logging;

namespace RefundSample;

/// <summary>What the agent says.</summary>
internal static partial class Log
{
    [LoggerMessage(1, LogLevel.Information, "Order {Order} is refunded: {Refund}.")]
    public static partial void Refunded(this ILogger log, string order, string refund);

    [LoggerMessage(2, LogLevel.Information, "Drafting the mail for order {Order}.")]
    public static partial void Drafting(this ILogger log, string order);
}
