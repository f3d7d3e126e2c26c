using Google.Protobuf;
using Mesh.Integrity;
using Mesh.Manifests;
using Mesh.ServiceHost;

namespace Mesh.Vault.Intake;

/// <summary>Reads the fields of one request, and refuses all that are wrong at once.</summary>
internal sealed class FieldCheck
{
    private readonly List<FieldError> errors = [];

    public string Name(string field, string value)
    {
        if (!Names.IsName(value))
        {
            errors.Add(new FieldError(field, "must match [a-z][a-z0-9-]{0,62}"));
        }

        return value;
    }

    public string Text(string field, string value, int lengthMax)
    {
        if (value.Length == 0 || value.Length > lengthMax || value.Any(char.IsControl))
        {
            errors.Add(new FieldError(field, $"must have 1 to {lengthMax} characters, none of them a control character"));
        }

        return value;
    }

    public Guid Id(string field, ByteString value)
    {
        if (value.Length == 16)
        {
            return new Guid(value.Span, bigEndian: true);
        }

        errors.Add(new FieldError(field, "must have 16 bytes"));
        return Guid.Empty;
    }

    public ActionDigest Digest(string field, ByteString value)
    {
        if (value.Length == Hash256.Size)
        {
            return new ActionDigest(new Hash256(value.Span));
        }

        errors.Add(new FieldError(field, $"must have {Hash256.Size} bytes"));
        return default;
    }

    public long AtLeast(string field, long value, long least)
    {
        if (value < least)
        {
            errors.Add(new FieldError(field, $"must be {least} or more"));
        }

        return value;
    }

    public TicketPurpose Purpose(string field, string value)
    {
        if (!TicketPurposes.TryParse(value, out var purpose))
        {
            errors.Add(new FieldError(field, "must be perform or probe"));
        }

        return purpose;
    }

    public void Add(string field, string description) => errors.Add(new FieldError(field, description));

    /// <summary>Throws when something was wrong.</summary>
    public void Refuse()
    {
        if (errors.Count > 0)
        {
            throw Refusals.Invalid(errors);
        }
    }
}
