using System.Buffers;
using Mesh.Errors.V1;
using Mesh.Manifests.Kinds;
using Mesh.Toolrunner.Custody;
using Mesh.Toolrunner.Egress;

namespace Mesh.Toolrunner.Kinds;

/// <summary>Sends one request to a target and reads its answer. Never throws for what a target does.</summary>
internal sealed class HttpTool(TargetConnections connections, TimeProvider clock)
{
    public async Task<TargetAnswer> SendAsync(string tenant, ToolDefinition definition, HttpRequestMessage message, Grant grant)
    {
        // One clock over all: connecting, sending, waiting, reading. A target that drips bytes gains nothing.
        using var patience = new CancellationTokenSource(definition.Tool.Timeout, clock);
        var mark = SendMark.Start();
        int? status = null;

        try
        {
            var pool = connections.Of(tenant, definition.IntegrationName, grant.Egress);
            using var response = await pool.SendAsync(message, patience.Token);
            status = (int)response.StatusCode;
            return await ReadAsync(response, definition.Tool.Output, patience.Token);
        }
        catch (Exception failure) when (failure is HttpRequestException or IOException or OperationCanceledException)
        {
            return (mark.IsSent, status) switch
            {
                (false, _) => NotSent(failure),
                (true, null or (>= 200 and < 300)) => new TargetAnswer.Silence(Describe(failure, patience.IsCancellationRequested)),

                // It said that it failed; only the words are missing.
                (true, { } said) => new TargetAnswer.Bodiless(said, Reason.Unspecified, "The answer's body broke off."),
            };
        }
    }

    private static async Task<TargetAnswer> ReadAsync(HttpResponseMessage response, OutputBounds bounds, CancellationToken stop)
    {
        var status = (int)response.StatusCode;

        // Nobody asked for compression, and what is inside could not be searched for the credential.
        if (response.Content.Headers.ContentEncoding.Any(encoding => !encoding.Equals("identity", StringComparison.OrdinalIgnoreCase)))
        {
            return new TargetAnswer.Bodiless(status, Reason.Unsupported, "The answer is compressed, which was not asked for.");
        }

        if (response.Content.Headers.ContentLength > bounds.BytesMax)
        {
            return new TargetAnswer.TooLarge(status);
        }

        using var stream = await response.Content.ReadAsStreamAsync(stop);
        var body = ArrayPool<byte>.Shared.Rent(Math.Min(bounds.BytesMax + 1, 64 * 1024));
        var length = 0;

        try
        {
            while (await stream.ReadAsync(body.AsMemory(length), stop) is > 0 and var read)
            {
                length += read;

                if (length > bounds.BytesMax)
                {
                    return new TargetAnswer.TooLarge(status);
                }

                if (length == body.Length)
                {
                    body = Grow(body, length);
                }
            }

            return new TargetAnswer.Whole(status, body[..length]);
        }
        finally
        {
            // An echo of the credential must not lie in a shared buffer.
            ArrayPool<byte>.Shared.Return(body, clearArray: true);
        }
    }

    private static byte[] Grow(byte[] body, int length)
    {
        var larger = ArrayPool<byte>.Shared.Rent(body.Length * 2);
        body.AsSpan(0, length).CopyTo(larger);
        ArrayPool<byte>.Shared.Return(body, clearArray: true);
        return larger;
    }

    // The words are ours: an exception's text could quote the target.
    private static TargetAnswer.NotSent NotSent(Exception failure)
    {
        for (var cause = failure; cause is not null; cause = cause.InnerException)
        {
            if (cause is EgressDeniedException denied)
            {
                return new TargetAnswer.NotSent(Reason.EgressDenied, denied.Message);
            }
        }

        return new TargetAnswer.NotSent(Reason.ServiceUnavailable, failure switch
        {
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "The target's name is not known.",
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => "The target did not agree on TLS.",
            OperationCanceledException => "The target was not reached in time.",
            _ => "The target could not be reached.",
        });
    }

    private static string Describe(Exception failure, bool isOutOfTime) => failure switch
    {
        _ when isOutOfTime => "The target did not answer within the tool's timeout.",
        HttpRequestException { HttpRequestError: HttpRequestError.InvalidResponse } => "The target's answer was not HTTP.",
        _ => "The connection ended before the answer was whole.",
    };
}
