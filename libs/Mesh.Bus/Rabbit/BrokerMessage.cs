using System.Globalization;
using System.Net.Mime;
using System.Security.Cryptography;
using System.Text;
using MassTransit;
using Mesh.Postgres;

namespace Mesh.Bus.Rabbit;

/// <summary>How an envelope lies on the broker: its body as it is, the rest as AMQP properties and headers.</summary>
/// <remarks>No envelope of MassTransit's: any AMQP client can read it, and nothing is written as text that is not text.</remarks>
internal sealed class BrokerMessage
{
    private const string Tenant = "mesh-tenant";
    private const string Key = "mesh-key";
    private const string KeySequence = "mesh-key-seq";
    private const string TraceParent = "traceparent";

    private static readonly string[] Ours = [Tenant, Key, KeySequence, TraceParent];

    // Longer than any of ours; what is longer is not ours.
    private const int TextMax = 512;

    public static void Write(Envelope message, SendContext context)
    {
        var rabbit = (RabbitMqSendContext)context;
        rabbit.Serializer = new Bytes(message.Body);
        rabbit.MessageId = message.Id;
        rabbit.Durable = true;
        rabbit.Mandatory = true;
        rabbit.BasicProperties.Type = message.Type;
        rabbit.Headers.Set(Tenant, message.Tenant);
        rabbit.Headers.Set(Key, message.Key);
        rabbit.Headers.Set(KeySequence, message.KeySequence);
        rabbit.Headers.Set(TraceParent, message.TraceParent);
    }

    /// <summary>The envelope, or why there is none.</summary>
    public static (Envelope? Message, string? Trouble) Read(IReadOnlyDictionary<string, object?> headers, string? id, string? type, byte[] body)
    {
        var tenant = Text(headers, Tenant);
        var key = Text(headers, Key);

        return (tenant, key, type, headers.GetValueOrDefault(KeySequence)) switch
        {
            _ when body.Length > Envelope.BodyBytesMax => (null, $"The body has {body.Length} bytes; at most {Envelope.BodyBytesMax} are allowed."),
            _ when !Guid.TryParseExact(id, "D", out _) => (null, "The property message-id is not a UUID."),
            (null, _, _, _) => (null, $"The header {Tenant} is missing, or no text of at most {TextMax} characters."),
            (_, null, _, _) => (null, $"The header {Key} is missing, or no text of at most {TextMax} characters."),
            (_, _, _, _) when !IsStorable(type) => (null, $"The property type is missing, or no text of at most {TextMax} characters."),
            (_, _, _, not long) => (null, $"The header {KeySequence} is missing, or no 64-bit number."),
            (_, _, _, long sequence) => (new Envelope(Guid.ParseExact(id, "D"), tenant, key, sequence, type!, Text(headers, TraceParent), body), null),
        };
    }

    /// <summary>What is put aside of bytes that are no message: as much of them as fits, under an id and a key of their own.</summary>
    /// <remarks>
    /// Not under the type that it claims: no handler may ever get it, whatever an operator does. The id is made of the body, the id and
    /// type that it claims, and our headers: a second delivery of it is the same, and another message with the same body is not.
    /// </remarks>
    public static Envelope Unreadable(IReadOnlyDictionary<string, object?> headers, string? id, string? type, byte[] body)
    {
        using var said = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);

        foreach (var part in (byte[][])[Raw(id), Raw(type), .. Ours.Select(name => Raw(headers.GetValueOrDefault(name))), body])
        {
            said.AppendData(BitConverter.GetBytes(part.Length));
            said.AppendData(part);
        }

        var own = new Guid(said.GetHashAndReset().AsSpan(0, 16), bigEndian: true);

        return new Envelope(own, "", $"unreadable/{own:N}", 0, "unknown", null, body.Length > Envelope.BodyBytesMax ? body[..Envelope.BodyBytesMax] : body);

        static byte[] Raw(object? value) => value as byte[] ?? Encoding.UTF8.GetBytes(Convert.ToString(value, CultureInfo.InvariantCulture) ?? "");
    }

    /// <summary>What the sender of bytes that are no message said that they are, for whoever looks for that sender.</summary>
    public static string Claims(IReadOnlyDictionary<string, object?> headers, string? id, string? type) =>
        $"It came as message-id {Shown(id)}, type {Shown(type)}, {Tenant} {Shown(Text(headers, Tenant))}, {Key} {Shown(Text(headers, Key))}.";

    private static string Shown(string? text) => IsStorable(text) ? $"\"{text}\"" : "none";

    private static bool IsStorable(string? text) => text is { Length: > 0 and <= TextMax } && !text.Contains('\0');

    private static string? Text(IReadOnlyDictionary<string, object?> headers, string name) =>
        headers.GetValueOrDefault(name) switch
        {
            byte[] { Length: <= TextMax } utf8 when !utf8.Contains((byte)0) => Encoding.UTF8.GetString(utf8),
            string { Length: <= TextMax } text when !text.Contains('\0') => text,
            _ => null,
        };

    private sealed class Bytes(byte[] body) : IMessageSerializer
    {
        private static readonly ContentType Protobuf = new("application/x-protobuf");

        public ContentType ContentType => Protobuf;

        public MessageBody GetMessageBody<T>(SendContext<T> context)
            where T : class => new BytesMessageBody(body);
    }
}
