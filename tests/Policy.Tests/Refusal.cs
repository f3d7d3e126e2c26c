using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.ServiceHost;

namespace Mesh.Policy.Tests;

/// <summary>Expects a call to be refused, and says why it was.</summary>
internal static class Refusal
{
    public static async Task<RpcFailure> OfAsync<T>(AsyncUnaryCall<T> call) => RpcFailure.Read(await Assert.ThrowsAsync<RpcException>(async () => await call));

    public static async Task IsAsync<T>(Reason reason, AsyncUnaryCall<T> call) => Assert.Equal(reason, (await OfAsync(call)).Reason);
}
