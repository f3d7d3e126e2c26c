using System.Text;

namespace Mesh.Toolrunner.Agents;

/// <summary>What the starter is told, on its standard input: other processes can read a command line and an environment, but not that.</summary>
internal sealed record LaunchOrder
{
    public required byte[] Nonce { get; init; }

    /// <summary>The runner's socket.</summary>
    public required string Door { get; init; }

    /// <summary>The process that this one must not outlive.</summary>
    public required int Parent { get; init; }

    /// <summary>The user to become; 0 to stay.</summary>
    public required uint User { get; init; }

    public required string Directory { get; init; }

    /// <summary>The program's path.</summary>
    public required string Program { get; init; }

    /// <summary>The command as written, its name first.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>All of the environment, as <c>NAME=value</c>.</summary>
    public required IReadOnlyList<string> Environment { get; init; }

    public void Write(Stream output)
    {
        using var writer = new BinaryWriter(output, Encoding.UTF8, leaveOpen: true);
        writer.Write(Nonce);
        writer.Write(Door);
        writer.Write(Parent);
        writer.Write(User);
        writer.Write(Directory);
        writer.Write(Program);
        Write(writer, Command);
        Write(writer, Environment);
    }

    public static LaunchOrder Read(Stream input)
    {
        using var reader = new BinaryReader(input, Encoding.UTF8, leaveOpen: true);
        return new LaunchOrder
        {
            Nonce = reader.ReadBytes(AgentDoor.NonceBytes),
            Door = reader.ReadString(),
            Parent = reader.ReadInt32(),
            User = reader.ReadUInt32(),
            Directory = reader.ReadString(),
            Program = reader.ReadString(),
            Command = ReadAll(reader),
            Environment = ReadAll(reader),
        };
    }

    private static void Write(BinaryWriter writer, IReadOnlyList<string> texts)
    {
        writer.Write(texts.Count);

        foreach (var text in texts)
        {
            writer.Write(text);
        }
    }

    private static string[] ReadAll(BinaryReader reader)
    {
        var texts = new string[reader.ReadInt32()];

        for (var i = 0; i < texts.Length; i++)
        {
            texts[i] = reader.ReadString();
        }

        return texts;
    }
}
