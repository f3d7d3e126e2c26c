using System.Diagnostics;
using Google.Protobuf;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Orchestrator.Journal;
using Mesh.Orchestrator.Lifecycle;
using Mesh.ServiceHost;

namespace Mesh.Orchestrator.Dispatch;

/// <summary>Takes a permitted dispatch out of the machine: collects its tickets, runs it, or finds out what became of it.</summary>
internal sealed class ToolDispatcher(
    Audit.V1.AppendService.AppendServiceClient audit,
    Vault.V1.LeaseService.LeaseServiceClient vault,
    Toolrunner.V1.RunnerService.RunnerServiceClient runners,
    RunnerAddresses addresses,
    TimeProvider clock,
    ILogger<ToolDispatcher> log)
{
    private static readonly TimeSpan TicketPatience = TimeSpan.FromSeconds(5);

    // What a runner needs beside the tool's own timeout: redemption, connection, scrubbing.
    private static readonly TimeSpan RunnerAllowance = TimeSpan.FromSeconds(5);

    // A runner waits up to 30 seconds for a call that runs.
    private static readonly TimeSpan AskPatience = TimeSpan.FromSeconds(35);
    private static readonly TimeSpan AskAgain = TimeSpan.FromMilliseconds(250);

    /// <summary>The audit receipt and the vault's lease, asked for at the same time. Both, or the call is not sent.</summary>
    public async Task<TicketAnswer> CollectAsync(Dispatch dispatch, CancellationToken stop)
    {
        var startedAt = clock.GetUtcNow();
        var receipt = LogIntentAsync(dispatch, startedAt, stop);
        var lease = LeaseAsync(dispatch, stop);

        // Both, also when the first fails: nothing may be left running unobserved.
        await Task.WhenAll(receipt, lease);

        var (logged, logError) = await receipt;
        var (leased, leaseError) = await lease;

        return (logError ?? leaseError) is { } error
            ? new TicketAnswer.Missing(error)
            : new TicketAnswer.Collected(new Tickets(leased!, logged!.Response, logged.Span));
    }

    /// <summary>Runs it at any tool runner and answers how it went. Silence is an answer here too: nobody knows.</summary>
    public async Task<DispatchOutcome> RunAsync(Dispatch dispatch, Tickets tickets, CancellationToken stop)
    {
        var call = dispatch.Call;
        var request = new Toolrunner.V1.RunCallRequest
        {
            Tenant = call.Task.Tenant,
            Workflow = call.Workflow.Name,
            WorkflowVersion = call.Workflow.Version,
            TaskId = Ids.Write(call.Task.Id),
            Step = call.Step.Value,
            Tool = call.Tool.Name,
            ToolSpec = UnsafeByteOperations.UnsafeWrap(call.Tool.Spec.Memory),
            Integration = call.Tool.Integration,
            IntegrationSpec = UnsafeByteOperations.UnsafeWrap(call.Tool.IntegrationSpec.Memory),
            Arguments = UnsafeByteOperations.UnsafeWrap(call.Arguments.Memory),
            Dispatch = dispatch.Number,
            Epoch = dispatch.Epoch,
            Purpose = (Facts.V1.CallDispatched.Types.Purpose)dispatch.Purpose,
            Lease = tickets.Lease.Lease,
            Decision = UnsafeByteOperations.UnsafeWrap(dispatch.Decision),
            Receipt = tickets.Receipt.Receipt,
        };

        try
        {
            var deadline = DateTime.UtcNow + call.Tool.Manifest.Timeout + RunnerAllowance;
            var answer = await runners.RunCallAsync(request, deadline: deadline, cancellationToken: stop);

            return Reports.Read(answer.Report, tickets);
        }
        catch (RpcException)
        {
            // Whether the runner had it, redeemed it or sent it cannot be told from here. The fence will tell.
            return new DispatchOutcome.Lost();
        }
    }

    /// <summary>
    /// Finds out what became of a dispatch without a recorded outcome. From here on it can no longer be redeemed; if it was
    /// redeemed before, whoever redeemed it is asked.
    /// </summary>
    /// <exception cref="OperationCanceledException">Nobody waits any more; nothing was found out.</exception>
    public async Task<DispatchOutcome> RecoverAsync(
        ToolCall call, int dispatch, DateTimeOffset dispatchedAt, CancellationToken stop)
    {
        Vault.V1.FenceResponse fenced;

        try
        {
            fenced = await vault.FenceAsync(
                new Vault.V1.FenceRequest
                {
                    Tenant = call.Task.Tenant,
                    Dispatch = new Vault.V1.DispatchScope
                    {
                        TaskId = Ids.Write(call.Task.Id),
                        ActionDigest = Ids.Write(call.Digest),
                        Dispatch = dispatch,
                    },
                    DispatchedAt = dispatchedAt.ToTimestamp(),
                },
                deadline: DateTime.UtcNow + TicketPatience,
                cancellationToken: stop);
        }
        catch (RpcException failure)
        {
            return new DispatchOutcome.CannotTell(Unavailable(failure, Reason.VaultUnavailable, "The vault"));
        }

        return fenced.Redemptions switch
        {
            [] when !fenced.Lost => new DispatchOutcome.NotSent(Reason.Fenced.Name(), "It was never redeemed and now never can be."),
            [] => new DispatchOutcome.Unclear("The vault lost its leases since, so it may have been redeemed."),
            [var redemption] => await AskAsync(call, dispatch, redemption, dispatchedAt, stop),
            var several => RedeemedTwice(call, dispatch, several.Count),
        };
    }

    /// <summary>Makes every ticket of the task below this epoch worthless, before anybody acts under the new one.</summary>
    public async Task<MeshError?> FenceTaskAsync(TaskKey task, long epoch, CancellationToken stop)
    {
        try
        {
            await vault.FenceAsync(
                new Vault.V1.FenceRequest { Tenant = task.Tenant, TaskId = Ids.Write(task.Id), Epoch = epoch },
                deadline: DateTime.UtcNow + TicketPatience,
                cancellationToken: stop);

            return null;
        }
        catch (RpcException failure)
        {
            return Unavailable(failure, Reason.VaultUnavailable, "The vault");
        }
    }

    // A runner that does not answer may be about to: only one that says "I do not know" ends the question before the call
    // itself must have ended.
    private async Task<DispatchOutcome> AskAsync(
        ToolCall call, int dispatch, Vault.V1.Redemption redemption, DateTimeOffset dispatchedAt, CancellationToken stop)
    {
        using var line = addresses.Open(redemption.RunnerAddress);

        if (line is null)
        {
            return new DispatchOutcome.Unclear("It was redeemed, and the tool runner that redeemed it left no address.");
        }

        var ended = dispatchedAt + call.Tool.Manifest.Timeout;
        var until = (ended > clock.GetUtcNow() ? ended : clock.GetUtcNow()) + RunnerAllowance;
        var request = new Toolrunner.V1.AskCallRequest
        {
            ActionDigest = Ids.Write(call.Digest),
            Dispatch = dispatch,
            RunnerInstance = redemption.RunnerInstance,
        };

        while (true)
        {
            try
            {
                var answer = await line.Runner.AskCallAsync(
                    request, deadline: DateTime.UtcNow + AskPatience, cancellationToken: stop);

                if (!answer.Known)
                {
                    return new DispatchOutcome.Unclear("It was redeemed, and the tool runner that redeemed it does not know how it ended.");
                }

                // Bounded by the tool's timeout: a call that runs ends.
                if (!answer.Running)
                {
                    return Reports.Read(answer.Report, redemption);
                }
            }
            catch (RpcException)
            {
                // Hanging up is no answer of the runner's: what it knows is still to be asked.
                stop.ThrowIfCancellationRequested();

                if (clock.GetUtcNow() >= until)
                {
                    return new DispatchOutcome.Unclear("It was redeemed, and the tool runner that redeemed it is gone.");
                }

                await Task.Delay(AskAgain, clock, stop);
            }
        }
    }

    // A lease works once. Whoever sees two redemptions of it cannot believe what either runner says.
    private DispatchOutcome.Unclear RedeemedTwice(ToolCall call, int dispatch, int count)
    {
        log.RedeemedMoreThanOnce(call.Task.Id, call.Step.Value, dispatch, count);

        return new DispatchOutcome.Unclear($"The vault knows {count} redemptions of one dispatch.");
    }

    private async Task<(LoggedIntent? Logged, MeshError? Error)> LogIntentAsync(
        Dispatch dispatch, DateTimeOffset startedAt, CancellationToken stop)
    {
        var call = dispatch.Call;
        using var trace = TraceOf(MeshSemantics.AuditLog, dispatch);
        var started = Stopwatch.GetTimestamp();

        try
        {
            var response = await audit.AppendIntentAsync(
                new Audit.V1.AppendIntentRequest
                {
                    Tenant = call.Task.Tenant,
                    Workflow = call.Workflow.Name,
                    TaskId = Ids.Write(call.Task.Id),
                    Step = call.Step.Value,
                    Tool = call.Tool.Name,
                    Classes = { call.Tool.Classes },
                    ActionDigest = Ids.Write(call.Digest),
                    Dispatch = dispatch.Number,
                    Epoch = dispatch.Epoch,
                    Purpose = dispatch.Purpose == DispatchPurpose.Probe ? "probe" : "perform",
                    Decision = UnsafeByteOperations.UnsafeWrap(dispatch.Decision),
                },
                deadline: DateTime.UtcNow + TicketPatience,
                cancellationToken: stop);
            trace?.SetTag("mesh.audit.index", response.Index);
            var span = new Span(MeshSemantics.AuditLog, "intent", $"#{response.Index}", startedAt, Stopwatch.GetElapsedTime(started));

            return (new LoggedIntent(response, span), null);
        }
        catch (RpcException failure)
        {
            var error = Unavailable(failure, Reason.AuditUnavailable, "The audit log");
            trace.Failed(error.Reason.Name());

            return (null, error);
        }
    }

    private async Task<(Vault.V1.IssueLeaseResponse? Lease, MeshError? Error)> LeaseAsync(Dispatch dispatch, CancellationToken stop)
    {
        var call = dispatch.Call;
        using var trace = TraceOf(MeshSemantics.SecretsLease, dispatch)?.SetTag("mesh.lease.operation", "issue");

        try
        {
            var lease = await vault.IssueLeaseAsync(
                new Vault.V1.IssueLeaseRequest
                {
                    Tenant = call.Task.Tenant,
                    Workflow = call.Workflow.Name,
                    TaskId = Ids.Write(call.Task.Id),
                    ActionDigest = Ids.Write(call.Digest),
                    Dispatch = dispatch.Number,
                    Epoch = dispatch.Epoch,
                },
                deadline: DateTime.UtcNow + TicketPatience,
                cancellationToken: stop);

            return (lease, null);
        }
        catch (RpcException failure)
        {
            var error = Unavailable(failure, Reason.VaultUnavailable, "The vault");
            trace.Failed(error.Reason.Name());

            return (null, error);
        }
    }

    private static Activity? TraceOf(string name, Dispatch dispatch) => MeshTraces.Start(name, ActivityKind.Client)
        .Of(dispatch.Call.Task.Tenant, dispatch.Call.Task.Id)
        ?.SetTag(MeshSemantics.Tool, dispatch.Call.Tool.Name)
        .SetTag(MeshSemantics.Action, dispatch.Call.Digest.ToString())
        .SetTag(MeshSemantics.Dispatch, dispatch.Number);

    private static MeshError Unavailable(RpcException failure, Reason reason, string who)
    {
        var read = RpcFailure.Read(failure);

        // A sealed vault says so itself; everything else that keeps a ticket from us means the same thing to the agent.
        var told = read.Reason is Reason.VaultSealed ? read.Reason : reason;

        return new MeshError(StatusCode.Unavailable, told, $"{who} gave no ticket ({failure.StatusCode}); nothing left the machine. Try again.")
        {
            RetryAfter = read.RetryAfter ?? TimeSpan.FromMilliseconds(250),
        };
    }

    private sealed record LoggedIntent(Audit.V1.AppendIntentResponse Response, Span Span);
}
