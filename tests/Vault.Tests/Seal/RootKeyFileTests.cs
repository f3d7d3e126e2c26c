using Mesh.Vault.Seal;

namespace Mesh.Vault.Tests.Seal;

public sealed class RootKeyFileTests : IDisposable
{
    private const UnixFileMode OwnerReads = UnixFileMode.UserRead;

    private readonly string folder = Directory.CreateTempSubdirectory("mesh-root-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void A_key_that_only_its_owner_can_read_is_taken()
    {
        Write(32, OwnerReads);

        using var key = RootKeyFile.Read(folder);

        Assert.Equal(32, key.Length);
    }

    [Theory]
    [InlineData(UnixFileMode.GroupRead)]
    [InlineData(UnixFileMode.OtherRead)]
    [InlineData(UnixFileMode.GroupWrite)]
    [InlineData(UnixFileMode.OtherExecute)]
    public void A_key_that_others_can_touch_is_refused(UnixFileMode others)
    {
        Write(32, OwnerReads | others);

        Assert.Contains("0400", Assert.Throws<RootKeyRefusedException>(() => RootKeyFile.Read(folder)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(31)]
    [InlineData(33)]
    [InlineData(64)]
    public void A_key_of_another_length_is_refused(int length)
    {
        Write(length, OwnerReads);

        Assert.Throws<RootKeyRefusedException>(() => RootKeyFile.Read(folder));
    }

    [Fact]
    public void A_missing_key_is_refused_and_not_made() => Assert.Throws<RootKeyRefusedException>(() => RootKeyFile.Read(folder));

    [Fact]
    public void A_key_of_another_user_is_refused()
    {
        // Only root can give a file away.
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "Needs root.");
        Write(32, OwnerReads);
        using var chown = System.Diagnostics.Process.Start("chown", ["65534", Path.Combine(folder, RootKeyFile.Name)]);
        chown.WaitForExit();

        Assert.Contains("another user", Assert.Throws<RootKeyRefusedException>(() => RootKeyFile.Read(folder)).Message, StringComparison.Ordinal);
    }

    private void Write(int length, UnixFileMode mode)
    {
        var path = Path.Combine(folder, RootKeyFile.Name);
        File.WriteAllBytes(path, new byte[length]);
        File.SetUnixFileMode(path, mode);
    }
}
