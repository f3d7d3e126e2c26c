using Mesh.Errors.V1;
using Mesh.Vault.Definitions;
using Mesh.Vault.Leases;
using Mesh.Vault.Seal;

namespace Mesh.Vault;

/// <summary>Turns a lease, a decision and a receipt into a credential, once.</summary>
/// <remarks>
/// Everything is checked before the lease is burnt, and the lease is burnt before anything is opened. A crash in between
/// costs a lease and never yields two credentials.
/// </remarks>
internal sealed class RedeemFlow(
    VaultSeal seal, TicketCheck tickets, DefinitionStore definitions, LeaseStore leases, ReplayAlarm alarm, ILogger<RedeemFlow> log)
{
    public async Task<RedeemOutcome> RunAsync(RedeemRequest request, CancellationToken stop)
    {
        if (!seal.TryGetKeys(out var keys))
        {
            return Refuse(Reason.VaultSealed);
        }

        // Policy said yes and audit wrote it down: for this action, this dispatch, this epoch, in this mesh, and not long ago.
        var ticketed = tickets.Check(request);

        if (ticketed is not TicketOutcome.Good(var decision, var receipt))
        {
            return Refuse(((TicketOutcome.Bad)ticketed).Reason);
        }

        // Which tool the workflow may use, where it may go and with what: by our own copy, never by what a ticket or a caller says.
        var granted = await definitions.FindGrantAsync(decision, stop);

        if (granted is not GrantOutcome.Granted(var grant))
        {
            return Refuse(((GrantOutcome.Refused)granted).Reason);
        }

        var mac = keys.MacOf(request.Lease);
        var terms = new LeaseTerms(decision.Tenant, decision.Workflow, decision.Task, decision.Action, request.Dispatch, decision.Epoch);
        var burning = new Burning(mac, terms, request.Caller.ToString(), receipt, decision.DecisionId, request.Runner, grant.Integration, grant.Secret);

        // One statement decides among a thousand redeemers, and against every fence.
        switch (await leases.BurnAsync(burning, stop))
        {
            case BurnOutcome.Burnt burnt:
                return Open(keys, terms.Tenant, grant, burnt);

            case BurnOutcome.UsedBefore before:
                await alarm.RaiseAsync(before, mac, request.Caller.ToString());
                return Refuse(Reason.LeaseUsed);

            case BurnOutcome.Refused refused:
                return Refuse(refused.Reason);

            default:
                throw new InvalidOperationException("A burning has no other outcome.");
        }
    }

    private RedeemOutcome.Redeemed Open(VaultKeys keys, string tenant, Grant grant, BurnOutcome.Burnt burnt)
    {
        if (burnt.Secret is not { } secret || grant.Secret is not { } name)
        {
            return new RedeemOutcome.Redeemed(burnt.LeaseId, burnt.RedeemedAt, grant, null, 0);
        }

        try
        {
            return new RedeemOutcome.Redeemed(burnt.LeaseId, burnt.RedeemedAt, grant, keys.Open(tenant, name, secret), secret.Version);
        }
        catch (SealBrokenException)
        {
            log.SecretBroken(tenant, name.ToString(), secret.Version);
            throw;
        }
    }

    private RedeemOutcome.Refused Refuse(Reason reason)
    {
        log.RedemptionRefused(reason);
        return new RedeemOutcome.Refused(reason);
    }
}
