using System.Reflection;
using Google.Protobuf.Reflection;
using Grpc.Core;
using Mesh.Ingress.Forwarding;

namespace Mesh.Ingress.Tests.Forwarding;

public sealed class PublicApiTests
{
    [Fact]
    public void Every_service_of_the_contracts_is_either_public_or_internal()
    {
        var listed = PublicApi.Services.Select(each => each.Service).Concat(PublicApi.Internal).Select(service => service.FullName).ToArray();

        Assert.Equal(AllServices().Select(service => service.FullName).Order(), listed.Order());
    }

    [Fact]
    public async Task No_method_of_an_internal_service_exists_for_strangers()
    {
        await using var door = await TestDoor.StartAsync();

        foreach (var method in PublicApi.Internal.SelectMany(service => service.Methods))
        {
            var call = new Method<byte[], byte[]>(
                MethodType.Unary, method.Service.FullName, method.Name, Marshallers.Create(bytes => bytes, bytes => bytes), Marshallers.Create(bytes => bytes, bytes => bytes));
            var refused = await Assert.ThrowsAsync<RpcException>(() => door.Grpc.AsyncUnaryCall(call, null, new CallOptions(door.Bearer), []).ResponseAsync);
            var (response, _) = await door.PostAsync($"/{method.Service.FullName}/{method.Name}", "{}");

            Assert.Equal(StatusCode.Unimplemented, refused.StatusCode);
            Assert.Equal(404, (int)response.StatusCode);
        }

        Assert.Empty(door.Recorded.Deliveries);
    }

    [Fact]
    public async Task No_public_method_answers_without_a_token()
    {
        await using var door = await TestDoor.StartAsync();

        foreach (var method in PublicApi.Services.SelectMany(each => each.Service.Methods))
        {
            var call = new Method<byte[], byte[]>(
                MethodType.Unary, method.Service.FullName, method.Name, Marshallers.Create(bytes => bytes, bytes => bytes), Marshallers.Create(bytes => bytes, bytes => bytes));
            var refused = await Assert.ThrowsAsync<RpcException>(() => door.Grpc.AsyncUnaryCall(call, null, default, []).ResponseAsync);

            Assert.Equal(StatusCode.Unauthenticated, refused.StatusCode);
        }
    }

    private static IEnumerable<ServiceDescriptor> AllServices() => typeof(V1.ManifestService).Assembly.GetTypes()
        .Where(type => type.Name.EndsWith("Reflection", StringComparison.Ordinal))
        .Select(type => type.GetProperty("Descriptor", BindingFlags.Public | BindingFlags.Static)?.GetValue(null))
        .OfType<FileDescriptor>()
        .SelectMany(file => file.Services);
}
