using System.Buffers;

namespace Mesh.Ingress.Bounds;

/// <summary>Reads a body once, whole, within a size and a time.</summary>
internal sealed class BodyReader(IngressOptions options, TimeProvider clock)
{
    private const int FirstBytes = 8 * 1024;

    public async Task<BodyReading> ReadAsync(HttpRequest request, int bytesMax)
    {
        if (request.ContentLength > bytesMax)
        {
            return new BodyReading.TooLarge();
        }

        // A sender that trickles keeps a connection and a buffer; a minimal rate alone would let 1 MiB take an hour.
        using var time = new CancellationTokenSource(options.BodyTimeout, clock);
        using var wake = time.Token.Register(request.BodyReader.CancelPendingRead);

        try
        {
            return await ReadToEndAsync(request, bytesMax);
        }
        catch (BadHttpRequestException refused)
        {
            return refused.StatusCode switch
            {
                StatusCodes.Status413PayloadTooLarge => new BodyReading.TooLarge(),
                StatusCodes.Status408RequestTimeout => new BodyReading.TooSlow(),
                _ => new BodyReading.Broken(),
            };
        }
        catch (IOException)
        {
            return new BodyReading.Broken();
        }
    }

    private static async Task<BodyReading> ReadToEndAsync(HttpRequest request, int bytesMax)
    {
        // A stranger's word is not worth a megabyte: what is declared is only believed up to the first buffer.
        var bytes = new byte[(int)Math.Min(request.ContentLength ?? FirstBytes, FirstBytes)];
        var count = 0;

        while (true)
        {
            var read = await request.BodyReader.ReadAsync(request.HttpContext.RequestAborted);

            if (read.IsCanceled)
            {
                request.BodyReader.AdvanceTo(read.Buffer.Start);
                return new BodyReading.TooSlow();
            }

            var total = count + read.Buffer.Length;

            if (total <= bytesMax)
            {
                if (total > bytes.Length)
                {
                    Array.Resize(ref bytes, (int)Math.Min(bytesMax, Math.Max(total, bytes.Length * 2L)));
                }

                read.Buffer.CopyTo(bytes.AsSpan(count));
                count = (int)total;
            }

            request.BodyReader.AdvanceTo(read.Buffer.End);

            if (total > bytesMax)
            {
                return new BodyReading.TooLarge();
            }

            if (read.IsCompleted)
            {
                Array.Resize(ref bytes, count);
                return new BodyReading.Whole(bytes);
            }
        }
    }
}
