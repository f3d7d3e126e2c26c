using System.Formats.Tar;
using System.IO.Compression;
using System.Text;
using Mesh.Integrity;

namespace Mesh.Toolrunner.Tests.Agents;

/// <summary>Packed folders.</summary>
internal static class TestBundle
{
    /// <summary>This very program, to be run as an agent.</summary>
    public static byte[] OfTheProbingAgent() => Pack(tar =>
    {
        // Without the list of all that the tests need: then the runtime takes what is there.
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory).Where(IsNeeded))
        {
            tar.WriteEntry(file, Path.GetFileName(file));
        }
    });

    public static byte[] OfScript(string script) => Pack(tar => Add(tar, "agent.sh", script));

    public static byte[] Pack(Action<TarWriter> write)
    {
        using var packed = new MemoryStream();

        using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        using (var tar = new TarWriter(zip))
        {
            write(tar);
        }

        return packed.ToArray();
    }

    public static byte[] PackBytes(params IEnumerable<byte[]> parts)
    {
        using var packed = new MemoryStream();

        using (var zip = new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true))
        {
            foreach (var part in parts)
            {
                zip.Write(part);
            }
        }

        return packed.ToArray();
    }

    public static void Add(TarWriter tar, string name, string text) =>
        tar.WriteEntry(new PaxTarEntry(TarEntryType.RegularFile, name)
        {
            DataStream = new MemoryStream(Encoding.UTF8.GetBytes(text)),
            Mode = UnixFileMode.UserRead | UnixFileMode.UserExecute,
        });

    public static string DigestOf(byte[] bundle) => ContentDigest.Of(bundle).ToString();

    private static bool IsNeeded(string file) => Path.GetFileName(file) is var name
        && (name is "Toolrunner.Tests.dll" or "Toolrunner.Tests.runtimeconfig.json" or "Mesh.Contracts.dll" or "Mesh.Toolrunner.dll"
            || (name.EndsWith(".dll", StringComparison.Ordinal) && (name.StartsWith("Grpc.", StringComparison.Ordinal) || name.StartsWith("Google.", StringComparison.Ordinal))));
}
