using Google.Protobuf.Reflection;

namespace Mesh.ServiceHost.Tests.Identity;

public sealed class CallerTableTests
{
    private static readonly string[] Callers = ["ingress", "orchestrator", "policy", "vault", "audit", "toolrunner", "agent", "public"];

    // Every generated file of Mesh.Contracts has a Reflection class with its descriptor: a new proto is found without being listed here.
    private static IEnumerable<ServiceDescriptor> Services => typeof(Policy.V1.AccessReflection).Assembly.GetTypes()
        .Select(type => type.GetProperty("Descriptor")?.GetMethod is { IsStatic: true } getter && getter.ReturnType == typeof(FileDescriptor)
            ? (FileDescriptor)getter.Invoke(null, null)!
            : null)
        .OfType<FileDescriptor>()
        .SelectMany(file => file.Services);

    private static IEnumerable<string> Methods => Services.SelectMany(service => service.Methods.Select(method => $"/{service.FullName}/{method.Name}"));

    [Fact]
    public void Every_method_of_every_contract_has_a_row()
    {
        var without = Methods.Where(method => CallerTable.CallersOf(method).Count == 0);

        Assert.NotEmpty(Methods);
        Assert.Empty(without);
    }

    [Fact]
    public void Every_row_is_a_method_of_a_contract_and_names_callers_that_exist()
    {
        Assert.Empty(CallerTable.Methods.Except(Methods));
        Assert.All(CallerTable.Methods, method => Assert.Subset(Callers.ToHashSet(), CallerTable.CallersOf(method).ToHashSet()));
    }

    [Fact]
    public void Methods_that_people_reach_can_be_called_by_ingress_only()
    {
        var reached = Services
            .Where(service => service.Name is not "AgentService" && service.File.Package != "mesh.ingress.v1")
            .SelectMany(service => service.Methods)
            .Where(method => method.GetOptions()?.HasExtension(Google.Api.AnnotationsExtensions.Http) == true)
            .Select(method => $"/{method.Service.FullName}/{method.Name}")
            .ToArray();

        Assert.NotEmpty(reached);

        // Ingress itself answers for the bus, and asks the owners by the same methods.
        Assert.All(reached, method => Assert.Equal(
            method.StartsWith("/mesh.bus.v1.", StringComparison.Ordinal) ? ["public", "ingress"] : ["ingress"], CallerTable.CallersOf(method)));
    }

    [Fact]
    public void Nobody_can_both_issue_and_redeem_a_lease()
    {
        var issuers = CallerTable.CallersOf("/mesh.vault.v1.LeaseService/IssueLease");
        var redeemers = CallerTable.CallersOf("/mesh.vault.v1.LeaseService/RedeemLease");

        Assert.Empty(issuers.Intersect(redeemers));
    }

    [Fact]
    public void A_method_without_a_row_is_for_nobody()
    {
        Assert.All(Callers, caller => Assert.False(CallerTable.Allows("/mesh.vault.v1.LeaseService/Steal", caller)));
    }
}
