using System.Text;
using Mesh.Cli.Output;

namespace Mesh.Cli.Secrets;

/// <summary>Reads a secret without showing it: hidden on a terminal, else all of standard input.</summary>
internal static class SecretInput
{
    private const int BytesMax = 64 * 1024;

    public static byte[] Read(string name) => Console.IsInputRedirected ? ReadPipe(Console.OpenStandardInput()) : ReadHidden(name);

    /// <summary>The bytes as they are, without one newline at the end: <c>echo</c> adds it and nobody means it.</summary>
    internal static byte[] ReadPipe(Stream input)
    {
        using var kept = new MemoryStream();
        var part = new byte[4096];
        int read;
        while ((read = input.Read(part)) > 0)
        {
            kept.Write(part, 0, read);
            if (kept.Length > BytesMax + 2)
            {
                throw new ProblemException(Problem.Usage($"A secret has at most {BytesMax} bytes."));
            }
        }

        var value = kept.ToArray();
        var length = value switch
        {
            [.., (byte)'\r', (byte)'\n'] => value.Length - 2,
            [.., (byte)'\n'] => value.Length - 1,
            _ => value.Length,
        };
        return length > 0 ? value[..length] : throw Empty();
    }

    private static byte[] ReadHidden(string name)
    {
        Console.Error.Write($"Value of {name} (hidden): ");
        var typed = new StringBuilder();
        while (Console.ReadKey(intercept: true) is { Key: not ConsoleKey.Enter } key)
        {
            if (key.Key == ConsoleKey.Backspace)
            {
                typed.Length = Math.Max(0, typed.Length - 1);
            }
            else if (!char.IsControl(key.KeyChar))
            {
                typed.Append(key.KeyChar);
            }
        }

        Console.Error.WriteLine();
        return typed.Length > 0 ? Encoding.UTF8.GetBytes(typed.ToString()) : throw Empty();
    }

    private static ProblemException Empty() => new(Problem.Usage("The secret is empty; nothing was stored."));
}
