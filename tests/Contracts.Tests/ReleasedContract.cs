using Google.Protobuf.Reflection;

namespace Mesh.Contracts.Tests;

/// <summary>A released package only grows.</summary>
public sealed class ReleasedContract
{
    [Fact]
    public void Every_proto_file_is_part_of_the_build()
    {
        var written = Directory.EnumerateFiles(Path.Combine(Released.Root(), "proto", "mesh"), "*.proto", SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Path.Combine(Released.Root(), "proto"), path).Replace('\\', '/'));

        Assert.Equal(written.Order(StringComparer.Ordinal), Released.Current.Keys.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void No_released_message_field_or_method_is_gone_or_changed()
    {
        var missing = Released.Read().SelectMany(file => Released.Current.TryGetValue(file.Name, out var now)
            ? Lost(Elements(file), Elements(now)).Select(element => $"{file.Name}: {element}")
            : [$"{file.Name} is gone"]);

        Assert.Empty(missing);
    }

    [Fact]
    public void The_comparison_sees_a_changed_number_a_changed_type_and_a_removed_method()
    {
        var released = Released.Read().Single(file => file.Name == "mesh/agent/v1/agent.proto");
        var changed = released.Clone();
        changed.MessageType.Single(m => m.Name == "PollWorkRequest").Field[0].Number = 15;
        changed.MessageType.Single(m => m.Name == "RecordStepRequest").Field[0].Type = FieldDescriptorProto.Types.Type.Int32;
        changed.Service[0].Method.RemoveAt(0);

        var lost = Lost(Elements(released), Elements(changed)).ToList();

        Assert.Equal(3, lost.Count);
        Assert.Empty(Lost(Elements(released), Elements(released)));
    }

    private static IEnumerable<string> Lost(IEnumerable<string> released, IEnumerable<string> now) => released.Except(now, StringComparer.Ordinal);

    // Everything that a client depends on, one line each.
    private static IEnumerable<string> Elements(FileDescriptorProto file) =>
    [
        .. file.MessageType.SelectMany(message => Elements(message, file.Package)),
        .. file.EnumType.SelectMany(values => Elements(values, file.Package)),
        .. file.Service.SelectMany(service => service.Method.Select(method =>
            $"rpc {file.Package}.{service.Name}/{method.Name}({Stream(method.ClientStreaming)}{method.InputType}) returns ({Stream(method.ServerStreaming)}{method.OutputType})")),
    ];

    private static IEnumerable<string> Elements(DescriptorProto message, string scope)
    {
        var name = $"{scope}.{message.Name}";

        return
        [
            $"message {name}",
            .. message.Field.Select(field => $"field {name}.{field.Name} = {field.Number} {field.Label} {field.Type} {field.TypeName} {(field.HasOneofIndex ? message.OneofDecl[field.OneofIndex].Name : "")}"),
            .. message.NestedType.SelectMany(nested => Elements(nested, name)),
            .. message.EnumType.SelectMany(values => Elements(values, name)),
        ];
    }

    private static IEnumerable<string> Elements(EnumDescriptorProto values, string scope) =>
        values.Value.Select(value => $"enum {scope}.{values.Name}.{value.Name} = {value.Number}");

    private static string Stream(bool isStream) => isStream ? "stream " : "";
}
