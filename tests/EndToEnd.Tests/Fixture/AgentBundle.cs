using System.Formats.Tar;
using System.IO.Compression;
using Mesh.Cli.Applying;
using Mesh.Integrity;

namespace EndToEnd.Tests.Fixture;

/// <summary>An agent's program, packed as <c>mesh apply</c> packs it.</summary>
public sealed class AgentBundle
{
    private readonly Bundle bundle;

    private AgentBundle(byte[] bytes) => bundle = new Bundle(ContentDigest.Of(bytes), bytes);

    public string Digest => bundle.Digest.ToString();

    public static AgentBundle Pack(string folder, Func<string, bool>? isPacked = null)
    {
        using var packed = new MemoryStream();
        using (var zipped = new GZipStream(packed, CompressionLevel.Fastest))
        using (var tar = new TarWriter(zipped, TarEntryFormat.Ustar))
        {
            foreach (var file in Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(isPacked ?? (_ => true)).Order(StringComparer.Ordinal))
            {
                using var content = File.OpenRead(file);
                tar.WriteEntry(new UstarTarEntry(TarEntryType.RegularFile, Path.GetRelativePath(folder, file)) { DataStream = content });
            }
        }

        return new AgentBundle(packed.ToArray());
    }

    public Task UploadAsync(MeshApi api, string tenant) =>
        new BundleUpload(api.Bundles, TextWriter.Null).SendMissingAsync(tenant, [bundle], TestContext.Current.CancellationToken);
}
