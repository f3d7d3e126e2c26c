using System.Text;

namespace Mesh.Integrity;

/// <summary>Writes an object whose member names come in canonical order; a name out of order is a bug and throws.</summary>
internal sealed class CanonicalObject
{
    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly JsonBuffer output;
    private string? last;

    public CanonicalObject(JsonBuffer output)
    {
        this.output = output;
        output.Write((byte)'{');
    }

    public void Text(string name, string value)
    {
        Name(name);
        output.WriteString(Strict.GetBytes(value));
    }

    /// <summary>A member that is canonical already, or null.</summary>
    public void Value(string name, CanonicalBytes? value)
    {
        Name(name);
        output.Write(value is null ? "null"u8 : value.Span);
    }

    /// <summary>A member that is an object; the caller ends it before going on.</summary>
    public CanonicalObject Object(string name)
    {
        Name(name);
        return new CanonicalObject(output);
    }

    public void End() => output.Write((byte)'}');

    private void Name(string name)
    {
        // Ordinal comparison of .NET strings is by UTF-16 code unit, the order of RFC 8785.
        if (last is not null && string.CompareOrdinal(last, name) >= 0)
        {
            throw new ArgumentException($"The member '{name}' does not come after '{last}'.", nameof(name));
        }

        if (last is not null)
        {
            output.Write((byte)',');
        }

        last = name;
        output.WriteString(Strict.GetBytes(name));
        output.Write((byte)':');
    }
}
