using System.Formats.Tar;
using System.IO.Compression;
using System.Security.Cryptography;
using Google.Protobuf;
using Mesh.Orchestrator.V1;

namespace EndToEnd.Tests.Fixture;

/// <summary>An agent's program, packed as <c>mesh apply</c> packs it.</summary>
public sealed class AgentBundle
{
    private readonly byte[] bytes;

    private AgentBundle(byte[] bytes)
    {
        this.bytes = bytes;
        Digest = "sha256:" + Convert.ToHexStringLower(SHA256.HashData(bytes));
    }

    public string Digest { get; }

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

    public async Task UploadAsync(MeshApi api, string tenant)
    {
        using var call = api.Bundles.UploadBundle(deadline: DateTime.UtcNow.AddSeconds(60));
        await call.RequestStream.WriteAsync(new UploadBundleRequest { Tenant = tenant, Digest = Digest });

        foreach (var chunk in bytes.Chunk(512 * 1024))
        {
            await call.RequestStream.WriteAsync(new UploadBundleRequest { Chunk = UnsafeByteOperations.UnsafeWrap(chunk) });
        }

        await call.RequestStream.CompleteAsync();
        await call;
    }
}
