using System.Text;
using Mesh.Integrity;
using Mesh.Vault.Secrets;

namespace Mesh.Vault.Tests.Secrets;

public sealed class WebhookSecretTests
{
    [Theory]
    [InlineData(24, true)]
    [InlineData(64, true)]
    [InlineData(23, false)]
    [InlineData(65, false)]
    [InlineData(0, false)]
    public void A_signing_secret_has_24_to_64_bytes(int length, bool isValid) =>
        Assert.Equal(isValid, IsValid("whsec_" + Convert.ToBase64String(new byte[length])));

    [Theory]
    [InlineData("")]
    [InlineData("whsec_")]
    [InlineData("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    [InlineData("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaS!")]
    [InlineData("whpk_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
    public void What_is_not_of_that_form_is_refused(string text) => Assert.False(IsValid(text));

    private static bool IsValid(string text)
    {
        using var value = SecretBytes.CopyOf(Encoding.UTF8.GetBytes(text));
        return WebhookSecret.IsValid(value);
    }
}
