using Mesh;

namespace RefundSample;

internal sealed record RefundRequest(string OrderId);

internal sealed record RefundOutcome(bool Refunded, string Refund, long AmountMinor, string Currency, string Mail);

internal sealed record Order(string Id, string Customer, string Mail, long TotalMinor, string Currency);

internal sealed record Refund(string Id);

internal sealed record Mail(string Id);

/// <summary>Refunds an order in full and tells the customer.</summary>
/// <remarks>
/// There is no approval code here: policy decides. A refund that needs a person ends this run, and the next run goes on from
/// the decision; a refund that is refused ends the task, because nobody catches <see cref="ToolDeniedException"/>.
/// </remarks>
[Agent("refund-request")]
internal sealed class RefundAgent(MailDraft draft) : IAgent<RefundRequest, RefundOutcome>
{
    public async Task<RefundOutcome> RunAsync(RefundRequest request, AgentContext ctx, CancellationToken stop)
    {
        var order = await ctx.CallToolAsync<Order>("crm.get_order", new { Order = request.OrderId });

        var refund = await ctx.CallToolAsync<Refund>(
            "payments.refund", new { Order = order.Id, AmountMinor = order.TotalMinor, order.Currency });
        ctx.Logger.Refunded(order.Id, refund.Id);

        // A step: a model that drafts the text would not draft the same one twice.
        var text = await ctx.StepAsync("draft", _ =>
        {
            ctx.Logger.Drafting(order.Id);
            return Task.FromResult(draft.Write(order, refund));
        });

        var mail = await ctx.CallToolAsync<Mail>(
            "mail.send", new { To = order.Mail, Subject = $"Your refund for order {order.Id}", Text = text });

        return new RefundOutcome(true, refund.Id, order.TotalMinor, order.Currency, mail.Id);
    }
}
