using EndToEnd.Tests.Fixture;
using Google.Protobuf;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.TestKit;

namespace EndToEnd.Tests.Doors;

/// <summary>Every field of every public method gets what nobody would write.</summary>
[Collection(nameof(Together))]
public sealed class FuzzTests(AttackedMesh mesh)
{
    private const string Garbage = "bytes that are no message";
    private static readonly byte[] NoMessage = [10, 255, 255, 255, 255, 128, 8];
    private static readonly string[] Texts = ["\0", "a\0b", "'", "\u202e", "..", "%", "\U0001f600", "{", new('x', 5_000)];
    private static readonly long[] Numbers = [-1, long.MinValue, long.MaxValue, int.MinValue, int.MaxValue];
    private static readonly (long Seconds, int Nanos)[] Times = [(long.MaxValue, 0), (long.MinValue, 0), (0, int.MaxValue), (0, int.MinValue), (-1, 1)];

    [Fact]
    public async Task No_value_of_any_field_is_answered_with_a_defect()
    {
        using var channel = PlainChannel.Open(mesh.Node.ReadRun().Grpc);
        var bearer = new Metadata { { "authorization", $"Bearer {mesh.Admin.Token}" } };
        var ended = (await mesh.PlayAsync(RefundMesh.Acme)).Task;
        var defects = new List<string>();

        foreach (var method in PublicContract.Public)
        {
            foreach (var (message, what) in Messages(method, ended))
            {
                var refusal = await PublicContract.CallAsync(channel.CreateCallInvoker(), method, message, bearer);

                if (refusal is { StatusCode: StatusCode.Internal or StatusCode.Unknown or StatusCode.Unavailable or StatusCode.DeadlineExceeded } && !IsOfTheLibrary(refusal, what))
                {
                    defects.Add($"{method.FullName} {what}: {refusal.Status}");
                }
            }
        }

        Assert.True(defects.Count == 0, string.Join('\n', defects));
    }

    private static IEnumerable<(byte[] Message, string What)> Messages(MethodDescriptor method, string task)
    {
        yield return (NoMessage, Garbage);

        foreach (var field in method.InputType.Fields.InDeclarationOrder().Where(field => !field.IsMap))
        {
            foreach (var value in Values(field))
            {
                var message = method.InputType.Parser.ParseFrom([]);
                Put(message, "tenant", "acme");
                Put(message, "task_id", task);
                Put(message, "workflow", "probe");
                Put(message, "principal", "vera");
                Put(message, "reason", "because");

                if (method.InputType.FindFieldByName("kind") is { FieldType: FieldType.Enum } kind)
                {
                    kind.Accessor.SetValue(message, System.Enum.ToObject(kind.EnumType.ClrType, 1));
                }

                if (field.IsRepeated)
                {
                    ((System.Collections.IList)field.Accessor.GetValue(message)).Add(value);
                }
                else
                {
                    field.Accessor.SetValue(message, value);
                }

                yield return (message.ToByteArray(), $"{field.Name} = {Shown(value)}");
            }
        }
    }

    // The gRPC server itself answers what it cannot read as a message, before anything of ours is asked: no reason, and no insides.
    private static bool IsOfTheLibrary(RpcException refusal, string what) =>
        what == Garbage && refusal.Status is { StatusCode: StatusCode.Unknown, Detail: "Exception was thrown by handler." };

    private static string Shown(object value) => value switch
    {
        string { Length: > 20 } => "a long text",
        Value { KindCase: Value.KindOneofCase.None } => "a value of no kind",
        Value { KindCase: Value.KindOneofCase.NumberValue } number => $"{number.NumberValue}",
        ByteString bytes => $"{bytes.Length} bytes",
        _ => $"{value}",
    };

    private static void Put(IMessage message, string name, string value)
    {
        if (message.Descriptor.FindFieldByName(name) is { FieldType: FieldType.String, IsRepeated: false } field)
        {
            field.Accessor.SetValue(message, value);
        }
    }

    private static IEnumerable<object> Values(FieldDescriptor field) => field switch
    {
        { FieldType: FieldType.String } => Texts,
        { FieldType: FieldType.Int64 } => Numbers.Cast<object>(),
        { FieldType: FieldType.Int32 } => [-1, int.MinValue, int.MaxValue],
        { FieldType: FieldType.Bytes } => [ByteString.CopyFrom(0), ByteString.CopyFrom(new byte[100_000])],
        { FieldType: FieldType.Enum, IsRepeated: false } => [System.Enum.ToObject(field.EnumType.ClrType, 99)],
        { FieldType: FieldType.Message } when field.MessageType == Duration.Descriptor => Times.Select(time => new Duration { Seconds = time.Seconds, Nanos = time.Nanos }),
        { FieldType: FieldType.Message } when field.MessageType == Timestamp.Descriptor => Times.Select(time => new Timestamp { Seconds = time.Seconds, Nanos = time.Nanos }),
        { FieldType: FieldType.Message } when field.MessageType == Value.Descriptor => [new Value(), Value.ForNumber(double.NaN), Value.ForNumber(double.PositiveInfinity), Value.ForString("a\0b"), Value.ForStruct(new Struct { Fields = { ["\0"] = Value.ForNull() } })],
        { FieldType: FieldType.Message } => [field.MessageType.Parser.ParseFrom([])],
        _ => [],
    };
}
