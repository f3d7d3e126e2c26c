using System.Formats.Asn1;
using System.Security.Cryptography.X509Certificates;

namespace Mesh.ServiceHost;

/// <summary>The identity of a service: <c>spiffe://domain/svc/service</c>.</summary>
public readonly record struct SpiffeId(string Domain, string Service)
{
    private const string SubjectAlternativeName = "2.5.29.17";
    private const string Scheme = "spiffe://";

    /// <summary>Reads the identity out of a certificate that has exactly one URI among its names.</summary>
    public static bool TryRead(X509Certificate2 certificate, out SpiffeId id)
    {
        id = default;
        string? uri = null;

        // X509SubjectAlternativeNameExtension shows only DNS names and addresses, so the bytes are read here.
        foreach (var extension in certificate.Extensions)
        {
            if (extension.Oid?.Value == SubjectAlternativeName && !TryReadUri(extension.RawData, ref uri))
            {
                return false;
            }
        }

        return uri is not null && TryParse(uri, out id);
    }

    /// <summary>Reads <c>spiffe://domain/svc/service</c>, and nothing that only looks like it.</summary>
    public static bool TryParse(string text, out SpiffeId id)
    {
        id = default;

        if (!text.StartsWith(Scheme, StringComparison.Ordinal) || text[Scheme.Length..].Split('/') is not [var domain, "svc", var service])
        {
            return false;
        }

        id = new SpiffeId(domain, service);
        return domain.Length > 0
            && service.Length > 0
            && domain.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '.' or '-' or '_')
            && service.All(c => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c) || c is '-');
    }

    /// <inheritdoc/>
    public override string ToString() => $"{Scheme}{Domain}/svc/{Service}";

    private static bool TryReadUri(byte[] extension, ref string? uri)
    {
        try
        {
            var names = new AsnReader(extension, AsnEncodingRules.DER).ReadSequence();
            var uriTag = new Asn1Tag(TagClass.ContextSpecific, 6);

            while (names.HasData)
            {
                if (!names.PeekTag().HasSameClassAndValue(uriTag))
                {
                    names.ReadEncodedValue();
                    continue;
                }

                // A second URI is a second identity: which one counts must never be a question.
                if (uri is not null)
                {
                    return false;
                }

                uri = names.ReadCharacterString(UniversalTagNumber.IA5String, uriTag);
            }

            return true;
        }
        catch (AsnContentException)
        {
            return false;
        }
    }
}
