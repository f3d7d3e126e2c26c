using System.Diagnostics;
using Mesh.Ingress.Bounds;
using Mesh.Ingress.Forwarding;
using Mesh.Ingress.Identity;
using Mesh.Ingress.Webhooks;
using Mesh.ServiceHost;

namespace Mesh.Ingress;

/// <summary>Takes one request from outside to whoever answers it, or says why not.</summary>
/// <remarks>Cheap questions first: a stranger costs a look-up in a table, and no body is kept for somebody who is not known.</remarks>
internal sealed class AdmissionFlow(
    RequestDelegate next,
    RouteTable routes,
    InFlight inFlight,
    TokenCheck tokens,
    PrincipalRates rates,
    RequestBodies bodies,
    WebhookFlow webhooks,
    PeerForwarder peers,
    ErrorWriter errors,
    ILogger<AdmissionFlow> log)
{
    public async Task InvokeAsync(HttpContext context)
    {
        using var trace = MeshTraces.Start(MeshSemantics.Ingress);

        try
        {
            if (await AdmitAsync(context, trace) is { } refusal)
            {
                trace.Failed(refusal.Reason.Name());
                await Answers.RefuseAsync(context, refusal, errors);
            }
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // The caller is gone; nobody reads an answer, and nothing is wrong here.
        }
        catch (Exception thrown) when (!context.Response.HasStarted)
        {
            var requestId = Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;
            log.RequestFailed(thrown, context.Request.Method, context.Request.Path.Value ?? "", requestId);
            context.Response.Clear();
            await Answers.RefuseAsync(context, Answers.Defect(requestId), errors);
        }
    }

    /// <summary>What is refused, or null when it was answered.</summary>
    private async Task<MeshError?> AdmitAsync(HttpContext context, Activity? trace)
    {
        switch (routes.Find(context.Request))
        {
            case Destination.Webhook webhook:
                trace?.SetTag("mesh.door", "webhook");
                return await webhooks.RunAsync(context, webhook.Tenant, webhook.Name);

            case Destination.Method method:
                trace?.SetTag("mesh.door", method.Name);
                using (var place = inFlight.TryEnter())
                {
                    return place is null ? InFlight.Refusal : await AdmitAsync(context, method);
                }

            case Destination.FrontPage:
                await Answers.FrontPageAsync(context);
                return null;

            case Destination.Allows allows:
                context.Response.Headers.Allow = allows.Methods;
                context.Response.StatusCode = StatusCodes.Status204NoContent;
                return null;

            case Destination.Nowhere nowhere:
                context.Response.Headers.Allow = nowhere.Methods;
                return nowhere.Why;

            default:
                throw new UnreachableException("There are no other destinations.");
        }
    }

    private async Task<MeshError?> AdmitAsync(HttpContext context, Destination.Method method)
    {
        if (BodyLimits.Set(context, method) is { } tooLarge)
        {
            return tooLarge;
        }

        var identification = await tokens.IdentifyAsync(context.Request.Headers, context.RequestAborted);

        if (identification is not Identification.Known { Principal: var principal })
        {
            return Refusal(identification);
        }

        if (rates.Take(principal.Id) is { } tooMuch)
        {
            return tooMuch;
        }

        // A stream keeps its place for as long as its caller likes, so that one caller could take them all.
        var isStream = method.TakesStream || method.GivesStream;
        using var stream = isStream ? inFlight.TryEnterStream(principal.Id) : null;

        if (isStream && stream is null)
        {
            return InFlight.StreamRefusal;
        }

        if (ParameterShape.FirstMisfit(context.Request, method) is { } misfit)
        {
            return Refusals.Invalid(misfit).Error;
        }

        if (await bodies.CheckAsync(context, method) is { } malformed)
        {
            return malformed;
        }

        RequestHeaders.SpeakFor(context, principal);

        if (method.Owner != RouteTable.Self)
        {
            return await peers.ForwardAsync(context, method);
        }

        await next(context);
        return null;
    }

    private static MeshError Refusal(Identification identification) => identification switch
    {
        Identification.Nobody => Refusals.Unauthenticated("This call needs a token: authorization: Bearer mesh_…").Error,
        Identification.Malformed => Refusals.Unauthenticated("The authorization is not one Bearer token of this system.").Error,
        Identification.Stranger => Refusals.Unauthenticated("The token is not known, or was revoked, or has expired.").Error,
        Identification.Unanswered { Why: var why } => why,
        _ => throw new UnreachableException("There are no other identifications."),
    };
}
