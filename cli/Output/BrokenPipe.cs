namespace Mesh.Cli.Output;

/// <summary>Tells a reader who left early from a disk that is full.</summary>
internal static class BrokenPipe
{
    private const int Epipe = 32;

    public static bool Is(IOException error) => error.HResult == Epipe;
}
