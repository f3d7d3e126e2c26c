using System.Formats.Tar;
using System.IO.Compression;

namespace Mesh.Toolrunner.Agents;

/// <summary>Unpacks a tar.gz of plain files and folders. Whatever else an archive can hold is refused.</summary>
internal static class BundleArchive
{
    private const long UnpackedBytesMax = 256L * 1024 * 1024;
    private const int EntriesMax = 20_000;

    // Names and attributes of one entry, which the reader holds in memory whole.
    private const int HeaderBytesMax = 64 * 1024;

    private const UnixFileMode FolderMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
        | UnixFileMode.GroupRead | UnixFileMode.GroupExecute | UnixFileMode.OtherRead | UnixFileMode.OtherExecute;
    private const UnixFileMode FileMode444 = UnixFileMode.UserRead | UnixFileMode.GroupRead | UnixFileMode.OtherRead;
    private const UnixFileMode AnyExecute = UnixFileMode.UserExecute | UnixFileMode.GroupExecute | UnixFileMode.OtherExecute;

    /// <exception cref="BundleRefusedException">It holds something else, or too much.</exception>
    public static async Task<(int Files, long Bytes)> UnpackAsync(string archive, string folder, CancellationToken stop)
    {
        Directory.CreateDirectory(folder, FolderMode);
        var (files, bytes, entries) = (0, 0L, 0);

        try
        {
            await using var packed = File.OpenRead(archive);
            await using var unzipped = new GZipStream(packed, CompressionMode.Decompress);
            await using var bounded = new BoundedStream(unzipped);
            await using var tar = new TarReader(bounded);

            while (await NextAsync(tar, bounded, stop) is { } entry)
            {
                if (++entries > EntriesMax)
                {
                    throw new BundleRefusedException($"it has more than {EntriesMax} entries");
                }

                var path = PathOf(entry.Name, folder);

                switch (entry.EntryType)
                {
                    case TarEntryType.Directory:
                        Directory.CreateDirectory(path, FolderMode);
                        break;

                    case TarEntryType.RegularFile or TarEntryType.V7RegularFile:
                        bytes += await WriteAsync(entry, bounded, path, UnpackedBytesMax - bytes, stop);
                        files++;
                        break;

                    default:
                        throw new BundleRefusedException($"{Shown(entry.Name)} is neither a file nor a folder");
                }
            }
        }
        catch (Exception e) when (e is InvalidDataException or FormatException or EndOfStreamException)
        {
            throw new BundleRefusedException("it is not a tar.gz archive");
        }

        return files > 0 ? (files, bytes) : throw new BundleRefusedException("it is empty");
    }

    private static ValueTask<TarEntry?> NextAsync(TarReader tar, BoundedStream bounded, CancellationToken stop)
    {
        bounded.Allow(HeaderBytesMax);
        return tar.GetNextEntryAsync(copyData: false, stop);
    }

    private static string PathOf(string name, string folder)
    {
        var plain = name.StartsWith("./", StringComparison.Ordinal) ? name[2..] : name;
        plain = plain.TrimEnd('/');

        if (plain.Length == 0)
        {
            return folder;
        }

        var isPlain = plain.Length <= 1024
            && !plain.Contains('\\', StringComparison.Ordinal)
            && !plain.Any(char.IsControl)
            && plain.Split('/').All(segment => segment.Length > 0 && segment is not ("." or ".."));

        return isPlain ? Path.Combine(folder, plain) : throw new BundleRefusedException($"{Shown(name)} is not a path inside of it");
    }

    private static async Task<long> WriteAsync(TarEntry entry, BoundedStream bounded, string path, long bytesLeft, CancellationToken stop)
    {
        if (entry.Length > bytesLeft)
        {
            throw new BundleRefusedException($"it unpacks to more than {UnpackedBytesMax} bytes");
        }

        // No links are ever made, so that a parent is a real folder.
        Directory.CreateDirectory(Path.GetDirectoryName(path)!, FolderMode);

        try
        {
            await using var file = new FileStream(path, new FileStreamOptions
            {
                Mode = FileMode.CreateNew,
                Access = FileAccess.Write,
                UnixCreateMode = FileMode444 | UnixFileMode.UserWrite,
            });

            if (entry.DataStream is { } content)
            {
                bounded.Allow(entry.Length);
                await content.CopyToAsync(file, stop);
            }
        }
        catch (IOException) when (Path.Exists(path))
        {
            throw new BundleRefusedException($"{Shown(entry.Name)} is in it twice");
        }

        File.SetUnixFileMode(path, FileMode444 | ((entry.Mode & AnyExecute) != 0 ? AnyExecute : 0));
        return entry.Length;
    }

    private static string Shown(string name) => "'" + new string([.. name.Take(80).Select(c => char.IsControl(c) ? '?' : c)]) + "'";
}
