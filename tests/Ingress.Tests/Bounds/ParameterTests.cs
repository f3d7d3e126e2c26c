using System.Net;
using Google.Protobuf.Reflection;
using Google.Protobuf.WellKnownTypes;
using Mesh.Ingress.Bounds;
using Mesh.Ingress.Forwarding;
using Microsoft.AspNetCore.Http;

namespace Mesh.Ingress.Tests.Bounds;

public sealed class ParameterTests
{
    private const string Tasks = "/v1/tenants/acme/tasks";
    private static readonly RouteTable Routes = RouteTable.Build();

    [Theory]
    [InlineData(Tasks, "?page_size=abc", "page_size", "must be a whole number up to 2147483647")]
    [InlineData(Tasks, "?page_size=", "page_size", "must be a whole number up to 2147483647")]
    [InlineData(Tasks, "?pageSize=2147483648", "pageSize", "must be a whole number up to 2147483647")]
    [InlineData(Tasks, "?page_size=1&page_size=2", "page_size", "is there twice")]
    [InlineData(Tasks, "?page_size=1&pageSize=2", "pageSize", "is there twice")]
    [InlineData(Tasks, "?states=TASK_STATE_READY&states=FOO", "states", "must be one of TASK_STATE_UNSPECIFIED, ")]
    [InlineData($"{Tasks}/x:wait", "?timeout=abc", "timeout", "must be a duration, such as 30s")]
    [InlineData($"{Tasks}/x:wait", "?timeout=30", "timeout", "must be a duration, such as 30s")]
    [InlineData($"{Tasks}/x:wait", "?until_person=maybe", "until_person", "must be true or false")]
    [InlineData("/v1/tenants/acme/audit/entries/abc/proof", "", "index", "must be a whole number up to 9223372036854775807")]
    [InlineData("/v1/tenants/acme/audit/entries", "?count=1.5", "count", "must be a whole number up to 2147483647")]
    public void A_value_that_does_not_fit_is_refused_with_its_name_and_what_it_must_be(string path, string query, string field, string description)
    {
        var misfit = Misfit("GET", path, query);

        Assert.Equal(field, misfit?.Field);
        Assert.StartsWith(description, misfit!.Description, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("GET", Tasks, "?bogus=1", "bogus", "is no parameter of this request; it takes workflow, states, page_size, page_token")]
    [InlineData("GET", Tasks, "?PAGE_SIZE=1", "PAGE_SIZE", "is no parameter of this request; it takes workflow, states, page_size, page_token")]
    [InlineData("GET", Tasks, "?tenant=globex", "tenant", "is no parameter of this request; it takes workflow, states, page_size, page_token")]
    [InlineData("GET", "/v1/whoami", "?x", "x", "is no parameter of this request; it takes none")]
    [InlineData("POST", Tasks, "?workflow=probe", "workflow", "is no parameter of this request; its fields belong into the body")]
    public void A_parameter_that_the_contract_does_not_have_is_refused_by_name(string verb, string path, string query, string field, string description)
    {
        var misfit = Misfit(verb, path, query);

        Assert.Equal((field, description), (misfit?.Field, misfit?.Description));
    }

    [Fact]
    public void Every_parameter_of_the_contract_is_taken_in_both_spellings()
    {
        var count = 0;

        foreach (var method in PublicApi.Services.SelectMany(each => each.Service.Methods))
        {
            var input = method.InputType;

            foreach (var field in input.Fields.InDeclarationOrder().Where(field => field.FieldType != FieldType.Message || field.MessageType == Duration.Descriptor))
            {
                var page = new Destination.Page(PathTemplate.Parse("/v1/any"), TakesBody: false);

                foreach (var name in (string[])[field.Name, field.JsonName])
                {
                    var context = new DefaultHttpContext();
                    context.Request.Path = "/v1/any";
                    context.Request.QueryString = new QueryString($"?{name}={ValueOf(field)}");

                    Assert.Null(ParameterShape.FirstMisfit(context.Request, new Destination.Method("/x", "x", page, false, false, input)));
                    count++;
                }
            }
        }

        Assert.True(count > 100, $"{count} parameters");
    }

    [Theory]
    [InlineData("/v1/whoami?bogus=1", "bogus")]
    [InlineData("/v1/tenants/acme/tasks?page_size=abc", "page_size")]
    [InlineData("/v1/tenants/acme/audit/entries/abc/proof", "index")]
    public async Task Who_asks_so_is_told_the_field_and_the_owner_is_not_asked(string path, string field)
    {
        await using var door = await TestDoor.StartAsync();

        var (response, body) = await door.GetAsync(path);

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("INVALID_ARGUMENT", body, StringComparison.Ordinal);
        Assert.Contains($"\"field\": \"{field}\"", body, StringComparison.Ordinal);
        Assert.Empty(door.Recorded.Callers);
    }

    [Fact]
    public async Task An_empty_body_is_refused_where_the_request_is_in_it()
    {
        await using var door = await TestDoor.StartAsync();

        var (response, body) = await door.PostAsync("/v1/access/tokens", "");

        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
        Assert.Contains("\"field\": \"body\"", body, StringComparison.Ordinal);
        Assert.Contains("must be an object, and is empty", body, StringComparison.Ordinal);
    }

    private static Mesh.ServiceHost.FieldError? Misfit(string verb, string path, string query)
    {
        var context = new DefaultHttpContext();
        context.Request.Method = verb;
        context.Request.Path = path;
        context.Request.QueryString = new QueryString(query);
        return ParameterShape.FirstMisfit(context.Request, Assert.IsType<Destination.Method>(Routes.Find(context.Request)));
    }

    private static string ValueOf(FieldDescriptor field) => field.FieldType switch
    {
        FieldType.Bool => "true",
        FieldType.Enum => field.EnumType.Values[^1].Name,
        FieldType.String or FieldType.Bytes => "eA==",
        FieldType.Message => "1.5s",
        _ => "7",
    };
}
