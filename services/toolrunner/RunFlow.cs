using System.Diagnostics;
using System.Globalization;
using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Manifests.Kinds;
using Mesh.ServiceHost;
using Mesh.Toolrunner.Custody;
using Mesh.Toolrunner.Kinds;
using Mesh.Toolrunner.Output;
using Microsoft.AspNetCore.WebUtilities;

namespace Mesh.Toolrunner;

/// <summary>Takes one dispatch from its tickets to a scrubbed answer.</summary>
/// <remarks>
/// Everything that can fail without the vault fails before it is asked, so that a lease is not burnt for nothing. From
/// redemption on the call goes on by itself: a caller that hangs up, or asks again, finds the one result.
/// </remarks>
internal sealed class RunFlow(
    Definitions definitions, Redeemer vault, HttpTool http, ResultStore results, TimeProvider clock, ILogger<RunFlow> log)
{
    private const int ScrubbedAtOnceBytesMax = 16 * 1024;

    public Task<CallReport> RunAsync(ToolCall call, CancellationToken stop)
    {
        if (definitions.Find(call) is not { } definition)
        {
            return Task.FromResult(NotSent(Reason.ToolDefinitionChanged, "The tool's or the integration's spec cannot be read."));
        }

        // From what is about to be sent, never from what a caller says about it.
        var action = ActionDigest.Compute(new ActionDescription
        {
            Tenant = call.Tenant,
            Workflow = call.Workflow,
            WorkflowVersion = call.WorkflowVersion,
            Task = call.Task,
            Step = call.Step,
            Tool = call.Tool.Name,
            ToolDigest = definition.Digest,
            Arguments = call.Arguments,
        });

        var id = new DispatchId(action, call.Dispatch);
        return results.OnceAsync(id, () => RunOnceAsync(id, call, definition), stop);
    }

    private async Task<CallReport> RunOnceAsync(DispatchId id, ToolCall call, ToolDefinition definition)
    {
        var prepared = HttpTemplates.Fill(definition, call, id.Action);

        if (prepared is not Preparation.Ready(var request))
        {
            var unfit = (Preparation.Refused)prepared;
            return NotSent(unfit.Reason, unfit.Message);
        }

        var (redemption, leaseSpan) = await RedeemAsync(id, call, definition);

        if (redemption is not Redemption.Granted(var grant))
        {
            var refused = (Redemption.Refused)redemption;
            log.RedemptionRefused(id.Action.ToString(), id.Dispatch, refused.Reason);
            return NotSent(refused.Reason, refused.Message);
        }

        using (grant)
        {
            var started = Stopwatch.GetTimestamp();
            var report = await SendAsync(id, call, definition, request, grant);
            CallMetrics.Ended(call.Tool.Name, report.Outcome, Stopwatch.GetElapsedTime(started));
            log.CallEnded(id.Action.ToString(), id.Dispatch, report.Outcome, report.HttpStatus, report.Value.Length, report.Scrubbed);
            return report with { LeaseId = grant.LeaseId, RedeemedAt = grant.RedeemedAt, Spans = [leaseSpan, .. report.Spans] };
        }
    }

    private async Task<(Redemption Redemption, ReportSpan Span)> RedeemAsync(DispatchId id, ToolCall call, ToolDefinition definition)
    {
        using var trace = TraceOf(MeshSemantics.SecretsLease, call, id)?.SetTag("mesh.lease.operation", "redeem");
        var (startedAt, started) = (clock.GetUtcNow(), Stopwatch.GetTimestamp());
        var redemption = await vault.RedeemAsync(id, call.IsProbe ? TicketPurpose.Probe : TicketPurpose.Perform, call.Tickets);
        _ = redemption switch
        {
            Redemption.Granted(var granted) => trace?.SetTag("mesh.lease.id", granted.LeaseId),
            Redemption.Refused refused => trace.Failed(ReasonWords.Of(refused.Reason)),
            _ => null,
        };
        var subject = definition.Integration.Credential is null ? "no secret" : definition.IntegrationName;
        var outcome = redemption is Redemption.Granted ? "1 use, 60 s" : "refused";
        return (redemption, new ReportSpan(MeshSemantics.SecretsLease, subject, outcome, startedAt, Stopwatch.GetElapsedTime(started)));
    }

    private async Task<CallReport> SendAsync(DispatchId id, ToolCall call, ToolDefinition definition, OutgoingRequest request, Grant grant)
    {
        // The vault's word counts. Where it differs from the spec, one of the two was tampered with.
        if (!IsSame(definition, grant))
        {
            return NotSent(Reason.ToolDefinitionChanged, "The vault knows another address, egress or injection for this integration.");
        }

        if (Injection.Into(request, grant) is not Injected.Ready ready)
        {
            return NotSent(Reason.InvalidArgument, "The secret does not fit the place where the integration wants it.");
        }

        using (ready)
        {
            // The target is told nothing of the trace: it is none of its business how this mesh is made.
            using var trace = TraceOf(MeshSemantics.ToolCall, call, id)?.SetTag("mesh.integration", definition.IntegrationName);
            var (startedAt, started) = (clock.GetUtcNow(), Stopwatch.GetTimestamp());
            var answer = await http.SendAsync(call.Tenant, definition, ready.Message, grant);
            trace?.SetTag(MeshSemantics.Outcome, answer.GetType().Name).SetTag("http.response.status_code", StatusOf(answer));
            var span = new ReportSpan(MeshSemantics.ToolCall, call.Tool.Name, Outcome(answer), startedAt, Stopwatch.GetElapsedTime(started));
            var report = (await ReportAsync(answer, definition, ready.Scrubber)) with { Spans = [span] };
            return call.IsProbe ? AsProbe(report, definition.Tool.Reconcile!.PerformedWhenStatus) : report;
        }
    }

    private static Activity? TraceOf(string name, ToolCall call, DispatchId id) => MeshTraces.Start(name, ActivityKind.Client)
        .Of(call.Tenant, call.Task)
        ?.SetTag(MeshSemantics.Tool, call.Tool.Name)
        .SetTag(MeshSemantics.Action, id.Action.ToString())
        .SetTag(MeshSemantics.Dispatch, id.Dispatch);

    private static bool IsSame(ToolDefinition definition, Grant grant) =>
        grant.BaseUrl == definition.Integration.BaseUrl
        && grant.Slot == CredentialSlot.Of(definition.Integration.Credential)
        && grant.Egress.SequenceEqual(definition.Integration.Egress.Select(host => host.Host.Contains(':', StringComparison.Ordinal)
            ? string.Create(CultureInfo.InvariantCulture, $"[{host.Host}]:{host.Port}")
            : string.Create(CultureInfo.InvariantCulture, $"{host.Host}:{host.Port}")));

    private static int? StatusOf(TargetAnswer answer) => answer switch
    {
        TargetAnswer.Whole whole => whole.Status,
        TargetAnswer.TooLarge large => large.Status,
        TargetAnswer.Bodiless bodiless => bodiless.Status,
        _ => null,
    };

    // To scrub a large answer may take long, and no other call waits for it.
    private static async Task<CallReport> ReportAsync(TargetAnswer answer, ToolDefinition definition, Scrubber scrubber) =>
        answer is TargetAnswer.Whole { Body.Length: > ScrubbedAtOnceBytesMax }
            ? await OwnThread.RunAsync(() => Report(answer, definition, scrubber))
            : Report(answer, definition, scrubber);

    private static CallReport Report(TargetAnswer answer, ToolDefinition definition, Scrubber scrubber)
    {
        // What stands between us and the target heard nothing usable from it. A write may have happened all the same.
        if (StatusOf(answer) is (502 or 504) and { } gateway && definition.Tool.Classes.Any(one => one != ToolClass.Read))
        {
            return new CallReport
            {
                Outcome = CallOutcome.Unknown,
                HttpStatus = gateway,
                Message = $"A gateway answered {Words(gateway)}: whether the target performed the call is not known.",
            };
        }

        switch (answer)
        {
            case TargetAnswer.Whole(var status, var body):
                var (clean, found) = scrubber.Scrub(body);
                var value = AnswerValue.Of(clean, definition.Tool.Output.Redact);

                // The journal keeps the value: escapes and blanks can make it longer than the body was.
                if (value.Length > definition.Tool.Output.BytesMax)
                {
                    return TooLarge(status, definition) with { Scrubbed = found };
                }

                var isSuccess = IsSuccess(status);
                return new CallReport
                {
                    Outcome = isSuccess ? CallOutcome.Succeeded : CallOutcome.Failed,
                    HttpStatus = status,
                    Value = value,
                    Message = isSuccess ? "" : $"The target answered {Words(status)}.",
                    Scrubbed = found,
                };

            case TargetAnswer.TooLarge(var status):
                return TooLarge(status, definition);

            case TargetAnswer.Bodiless(var status, var reason, var message):
                return new CallReport
                {
                    Outcome = CallOutcome.Failed,
                    HttpStatus = status,
                    Reason = ReasonWords.Of(reason),
                    Message = IsSuccess(status) ? $"The target answered {Words(status)}, so the call was performed. {message}" : message,
                };

            case TargetAnswer.NotSent(var reason, var message):
                return NotSent(reason, message);

            case TargetAnswer.Silence(var message):
                return new CallReport { Outcome = CallOutcome.Unknown, Message = message };

            default:
                throw new UnreachableException();
        }
    }

    private static CallReport TooLarge(int status, ToolDefinition definition) => new()
    {
        Outcome = CallOutcome.Failed,
        HttpStatus = status,
        Reason = ReasonWords.Of(Reason.ToolOutputTooLarge),
        Message = string.Create(
            CultureInfo.InvariantCulture,
            $"The target answered {Words(status)}{(IsSuccess(status) ? ", so the call was performed" : "")}. Its answer is not kept: as JSON it is larger than the tool's limit of {definition.Tool.Output.BytesMax} bytes."),
    };

    private static bool IsSuccess(int status) => status is >= 200 and < 300;

    // A target that is troubled, or does not know us, has said nothing about the call.
    private static CallReport AsProbe(CallReport report, int performedStatus) => report.HttpStatus switch
    {
        0 => report,
        _ when report.HttpStatus == performedStatus => report with { Outcome = CallOutcome.ProbePerformed, Reason = "", Message = "" },
        (>= 200 and < 300) or 404 or 410 => report with { Outcome = CallOutcome.ProbeNotPerformed, Reason = "", Message = "" },
        var status => report with { Outcome = CallOutcome.Unknown, Message = $"The probe was answered {Words(status)}." },
    };

    private static CallReport NotSent(Reason reason, string message) =>
        new() { Outcome = CallOutcome.NotSent, Reason = ReasonWords.Of(reason), Message = message };

    private static string Outcome(TargetAnswer answer) => answer switch
    {
        TargetAnswer.NotSent => "not sent",
        _ => StatusOf(answer) is { } status ? Words(status) : "no answer",
    };

    // The target's own phrase could hold anything.
    private static string Words(int status) => $"{status.ToString(CultureInfo.InvariantCulture)} {ReasonPhrases.GetReasonPhrase(status)}".TrimEnd();
}
