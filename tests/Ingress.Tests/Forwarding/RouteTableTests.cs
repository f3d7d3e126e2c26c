using Mesh.Ingress.Forwarding;
using Microsoft.AspNetCore.Http;

namespace Mesh.Ingress.Tests.Forwarding;

public sealed class RouteTableTests
{
    private static readonly RouteTable Routes = RouteTable.Build();

    [Theory]
    [InlineData("GET", "/v1/tenants", "orchestrator", "ListTenants")]
    [InlineData("GET", "/v1/tenants/acme/tasks/1", "orchestrator", "GetTask")]
    [InlineData("GET", "/v1/tenants/acme/tasks/1:wait", "orchestrator", "WaitTask")]
    [InlineData("POST", "/v1/tenants/acme/tasks/1:cancel", "orchestrator", "CancelTask")]
    [InlineData("GET", "/v1/tenants/acme/approvals", "policy", "ListApprovals")]
    [InlineData("POST", "/v1/tenants/acme/groups/finance:add", "policy", "AddGroupMember")]
    [InlineData("POST", "/v1/tenants/acme/secrets:put", "vault", "PutSecret")]
    [InlineData("GET", "/v1/tenants/acme/audit/entries/7/proof", "audit", "GetInclusionProof")]
    [InlineData("POST", "/v1/manifests:apply", "ingress", "Apply")]
    public void A_path_leads_to_the_method_that_its_proto_gives_it(string verb, string path, string owner, string method)
    {
        var found = Assert.IsType<Destination.Method>(Find(verb, path));

        Assert.Equal(owner, found.Owner);
        Assert.EndsWith("/" + method, found.Name, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", "/v1/tenants/")]
    [InlineData("GET", "/v1//tasks")]
    [InlineData("GET", "/V1/tenants")]
    [InlineData("POST", "/v1/work:poll")]
    [InlineData("POST", "/mesh.orchestrator.v1.TaskService/GetTask")]
    [InlineData("POST", "/hooks/acme")]
    [InlineData("POST", "/hooks/acme/shop/more")]
    public void Other_paths_lead_nowhere(string verb, string path) => Assert.IsType<Destination.Nowhere>(Find(verb, path));

    private static Destination Find(string verb, string path)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = verb;
        context.Request.Path = path;
        return Routes.Find(context.Request);
    }
}
