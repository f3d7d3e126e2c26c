using System.Text;
using Google.Protobuf.WellKnownTypes;
using Mesh.Cli.Output;
using Mesh.Integrity;

namespace Mesh.Cli.Tasks;

/// <summary>A JSON value as it is given to a verb: itself, <c>@FILE</c>, or <c>-</c> for standard input.</summary>
internal static class JsonInput
{
    public const string Forms = "JSON, @FILE, or - for standard input";

    public static Value Read(string said, string option)
    {
        var bytes = said switch
        {
            "-" => ReadStandardInput(),
            ['@', .. var path] => File.ReadAllBytes(path),
            _ => Encoding.UTF8.GetBytes(said),
        };

        // Checked here as strictly as the mesh does: a parser that takes the last of two equal keys would hide a mistake.
        if (!CanonicalJson.TryCanonicalize(bytes, out var canonical, out var refusal))
        {
            throw new ProblemException(Problem.Usage($"{option} is refused: {refusal}."));
        }

        return Value.Parser.ParseJson(Encoding.UTF8.GetString(canonical));
    }

    private static byte[] ReadStandardInput()
    {
        using var bytes = new MemoryStream();
        using var input = Console.OpenStandardInput();
        input.CopyTo(bytes);
        return bytes.ToArray();
    }
}
