namespace Mesh.ServiceHost;

/// <summary>Stops the service when standard input ends: its launcher holds the other end and is gone.</summary>
internal static class StandardInput
{
    public static void StopAtEnd(IHostApplicationLifetime lifetime, ILogger log)
    {
        // A thread of its own: the read blocks for as long as the service lives.
        var watch = new Thread(() =>
        {
            using var input = Console.OpenStandardInput();
            Span<byte> ignored = stackalloc byte[64];

            try
            {
                while (input.Read(ignored) > 0)
                {
                }
            }
            catch (IOException)
            {
                // A broken pipe is an end, too.
            }

            log.StandardInputEnded();
            lifetime.StopApplication();
        })
        {
            IsBackground = true,
            Name = "standard input",
        };
        watch.Start();
    }
}
