using Mesh.Integrity;

namespace Mesh.Vault.Secrets;

/// <summary>The form of a signing secret: <c>whsec_</c> and the base64 of 24 to 64 bytes.</summary>
internal static class WebhookSecret
{
    public const string Limit = "must be whsec_ and the base64 of 24 to 64 bytes";

    private const int BytesMin = 24;
    private const int BytesMax = 64;

    public static bool IsValid(SecretBytes value)
    {
        var text = value.Span;

        if (!text.StartsWith("whsec_"u8) || text.Length > 128)
        {
            return false;
        }

        // Decoded on the stack and erased: a signing secret must not stay behind in a string or an array.
        Span<byte> key = stackalloc byte[128];
        var status = System.Buffers.Text.Base64.DecodeFromUtf8(text["whsec_"u8.Length..], key, out _, out var length);
        System.Security.Cryptography.CryptographicOperations.ZeroMemory(key);
        return status == System.Buffers.OperationStatus.Done && length is >= BytesMin and <= BytesMax;
    }
}
