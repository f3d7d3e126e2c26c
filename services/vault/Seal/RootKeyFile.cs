using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Mesh.Integrity;

namespace Mesh.Vault.Seal;

/// <summary>Reads the root key: 32 bytes in a file that nobody but this process's user can read.</summary>
internal static partial class RootKeyFile
{
    public const string Name = "root.key";

    private const UnixFileMode Others =
        UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute
        | UnixFileMode.OtherRead | UnixFileMode.OtherWrite | UnixFileMode.OtherExecute;

    /// <summary>The key. Without one the vault does not start: it could neither open nor seal anything.</summary>
    /// <exception cref="RootKeyRefusedException">The file is missing, has another length, or others may touch it.</exception>
    public static SecretBytes Read(string keysFolder)
    {
        var path = Path.Combine(keysFolder, Name);

        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1);

            // Asked of the open file, so that what is checked is what is read.
            if ((File.GetUnixFileMode(file.SafeFileHandle) & Others) != 0)
            {
                throw new RootKeyRefusedException($"{path} can be reached by others: its mode must be 0400.");
            }

            if (FStat(file.SafeFileHandle, out var status) != 0 || status.Owner != EffectiveUser())
            {
                throw new RootKeyRefusedException($"{path} belongs to another user than this process.");
            }

            if (file.Length != SealedBlob.KeyBytes)
            {
                throw new RootKeyRefusedException($"{path} must have exactly {SealedBlob.KeyBytes} bytes.");
            }

            Span<byte> key = stackalloc byte[SealedBlob.KeyBytes];
            file.ReadExactly(key);
            return SecretBytes.Take(key);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new RootKeyRefusedException($"The root key {path} cannot be read: {e.GetType().Name}. Run keys init, or restore the file from its backup.");
        }
    }

    /// <summary>Tells one root key from another. It says nothing about the key's bytes.</summary>
    public static Guid IdOf(SecretBytes key)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        HMACSHA256.HashData(key.Span, "mesh/vault/root-key-id"u8, hash);
        return new Guid(hash[..16], bigEndian: true);
    }

    // The runtime's own portable view of fstat: the C structure differs between systems and processors.
    [LibraryImport("libSystem.Native", EntryPoint = "SystemNative_FStat")]
    private static partial int FStat(SafeHandle file, out FileStatus status);

    [LibraryImport("libc", EntryPoint = "geteuid")]
    private static partial uint EffectiveUser();

    // Larger than the structure that is filled in; only its beginning is looked at.
    [StructLayout(LayoutKind.Sequential, Size = 256)]
    private struct FileStatus
    {
        public int Flags;
        public int Mode;
        public uint Owner;
    }
}
