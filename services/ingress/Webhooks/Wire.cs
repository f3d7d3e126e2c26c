using Mesh.Manifests.Signatures;

namespace Mesh.Ingress.Webhooks;

/// <summary>What the vault says about a webhook, read as strictly as a manifest: this is what strangers are let in by.</summary>
internal static class Wire
{
    /// <summary>Null when it says something that this version does not know.</summary>
    public static SignatureScheme? Read(Vault.V1.SignatureScheme? wire)
    {
        if (wire is null || wire.Header.Length == 0 || SignedText.TryParse(wire.SignedText, out _) is not { } signed
            || signed.HasId != wire.IdHeader.Length > 0 || signed.HasTimestamp != wire.TimestampHeader.Length > 0)
        {
            return null;
        }

        SignatureEncoding? encoding = wire.Encoding switch
        {
            Vault.V1.SignatureEncoding.Hex => SignatureEncoding.Hex,
            Vault.V1.SignatureEncoding.Base64 => SignatureEncoding.Base64,
            _ => null,
        };
        TimestampUnit? unit = wire.TimestampUnit switch
        {
            Vault.V1.TimestampUnit.Seconds => TimestampUnit.Seconds,
            Vault.V1.TimestampUnit.Milliseconds => TimestampUnit.Milliseconds,
            _ => null,
        };
        KeyEncoding? keyEncoding = wire.KeyEncoding switch
        {
            Vault.V1.KeyEncoding.Text => KeyEncoding.Text,
            Vault.V1.KeyEncoding.Hex => KeyEncoding.Hex,
            Vault.V1.KeyEncoding.Base64 => KeyEncoding.Base64,
            Vault.V1.KeyEncoding.Whsec => KeyEncoding.Whsec,
            _ => null,
        };
        Deduplication? dedupe = wire.Dedupe switch
        {
            Vault.V1.Deduplication.SignedBytes => new Deduplication.BySignedBytes(),
            Vault.V1.Deduplication.Header when wire.DedupeHeader.Length > 0 => new Deduplication.ByHeader(wire.DedupeHeader),
            Vault.V1.Deduplication.Never => new Deduplication.Never(),
            _ => null,
        };
        var tolerance = wire.Tolerance?.ToTimeSpan();

        return encoding is null || keyEncoding is null || dedupe is null || (signed.HasTimestamp && (unit is null || tolerance is null)) ? null : new SignatureScheme
        {
            Header = wire.Header,
            Prefix = wire.Prefix,
            Encoding = encoding.Value,
            IsList = wire.List,
            SignedText = signed,
            IdHeader = signed.HasId ? wire.IdHeader : null,
            Timestamp = signed.HasTimestamp ? new SignedTimestamp(wire.TimestampHeader, unit!.Value, tolerance!.Value) : null,
            KeyEncoding = keyEncoding.Value,
            Dedupe = dedupe,
        };
    }
}
