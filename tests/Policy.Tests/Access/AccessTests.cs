using Mesh.Errors.V1;
using Mesh.Integrity;
using Mesh.Policy.Access;
using Mesh.ServiceHost;

namespace Mesh.Policy.Tests.Access;

public sealed class AccessTests(PolicyNode node)
{
    [Fact]
    public async Task The_token_of_the_bootstrap_file_is_the_administrator_of_everything()
    {
        var me = (await node.Access(node.AdminToken).WhoAmIAsync(new V1.WhoAmIRequest())).Principal;

        Assert.Equal(("admin", V1.Principal.Types.Kind.Person), (me.Id, me.Kind));
        Assert.Equal(new V1.RoleGrant { Tenant = "*", Role = "admin" }, Assert.Single(me.Roles));
    }

    [Fact]
    public async Task Starting_again_with_the_same_file_makes_no_second_token()
    {
        await node.StartReplicaAsync();

        Assert.Single((await node.Access(node.AdminToken).ListTokensAsync(new V1.ListTokensRequest { Principal = "admin" })).Tokens);
    }

    [Fact]
    public async Task A_revoked_token_is_nobodys_at_once_and_for_every_method()
    {
        var person = TestTenant.NewName();
        var token = await node.TokenOfAsync(person, ("acme", "viewer"));
        var id = (await AuthenticateAsync(token))!.TokenId;

        await node.Access(node.AdminToken).RevokeTokenAsync(new V1.RevokeTokenRequest { TokenId = id });
        await node.Access(node.AdminToken).RevokeTokenAsync(new V1.RevokeTokenRequest { TokenId = id });

        Assert.Null(await AuthenticateAsync(token));
        await Refusal.IsAsync(Reason.Unauthenticated, node.Access(token).WhoAmIAsync(new V1.WhoAmIRequest()));
        Assert.NotNull(Assert.Single((await node.Access(node.AdminToken).ListTokensAsync(new V1.ListTokensRequest { Principal = person })).Tokens).RevokedAt);
    }

    [Fact]
    public async Task Unknown_expired_and_damaged_tokens_are_nobodys()
    {
        var token = await node.TokenOfAsync(TestTenant.NewName());
        await node.ExecuteAsync("update token set expires_at = clock_timestamp() where hash = $1", Hash(token));

        Assert.Null(await AuthenticateAsync(token));
        Assert.Null(await AuthenticateAsync(OpaqueToken.Generate(TokenKind.Access).Reveal()));
        Assert.Null(await AuthenticateAsync(OpaqueToken.Generate(TokenKind.Lease).Reveal()));
        Assert.Null(await AuthenticateAsync(""));
    }

    [Fact]
    public async Task Of_a_token_nothing_but_its_hash_is_kept()
    {
        var token = await node.TokenOfAsync(TestTenant.NewName());

        Assert.Equal(1L, await node.ScalarAsync<long>("select count(*) from token where hash = $1", Hash(token)));
        Assert.Equal(0L, await node.ScalarAsync<long>("select count(*) from token t where t::text like '%' || $1 || '%'", token[5..25]));
        Assert.Equal(0L, await node.ScalarAsync<long>($"select count(*) from {PolicyNode.Told} where position(convert_to($1, 'UTF8') in body) > 0", token[5..25]));
    }

    [Fact]
    public async Task Only_an_administrator_of_everything_makes_tokens()
    {
        var tenant = TestTenant.NewName();
        var admin = await node.TokenOfAsync(TestTenant.NewName(), (tenant, "admin"));
        var request = new V1.CreateTokenRequest { Principal = "admin", Kind = V1.Principal.Types.Kind.Person };

        var refused = await Refusal.OfAsync(node.Access(admin).CreateTokenAsync(request));

        Assert.Equal((Reason.PermissionDenied, "admin"), (refused.Reason, refused.Metadata["role"]));
    }

    [Fact]
    public async Task A_tenants_administrator_fills_its_groups_and_no_others()
    {
        var (tenant, person) = (TestTenant.NewName(), TestTenant.NewName());
        var admin = await node.TokenOfAsync(person, (tenant, "admin"));
        var add = new V1.AddGroupMemberRequest { Tenant = tenant, Group = "finance", Principal = person };

        await node.Access(admin).AddGroupMemberAsync(add);
        await node.Access(admin).AddGroupMemberAsync(add);
        add.Tenant = TestTenant.NewName();

        Assert.Equal([person], Assert.Single((await node.Access(admin).ListGroupsAsync(new V1.ListGroupsRequest { Tenant = tenant })).Groups).Members);
        await Refusal.IsAsync(Reason.PermissionDenied, node.Access(admin).AddGroupMemberAsync(add));
        add.Tenant = tenant;
        add.Principal = TestTenant.NewName();
        await Refusal.IsAsync(Reason.PrincipalNotFound, node.Access(admin).AddGroupMemberAsync(add));
    }

    [Fact]
    public async Task Facts_about_principals_go_to_the_log_of_no_tenant_and_those_about_a_tenants_roles_to_its_own()
    {
        var (tenant, person) = (TestTenant.NewName(), TestTenant.NewName());

        var token = await node.TokenOfAsync(person, (tenant, "viewer"), ("*", "auditor"));
        await node.Access(token).RevokeTokenAsync(new V1.RevokeTokenRequest { TokenId = (await AuthenticateAsync(token))!.TokenId });

        var told = await node.ScalarAsync<string[]>($"select array_agg(tenant_id order by id) from {PolicyNode.Told} where key = $1", $"access/{person}");
        Assert.Equal(["", "", "", "", tenant], told.Order());
        await Refusal.IsAsync(Reason.ManifestInvalid, node.Manifests(node.AdminToken).ApplyManifestsAsync(new Manifests.V1.ApplyManifestsRequest
        {
            Documents =
            {
                new Manifests.V1.ManifestDocument
                {
                    Kind = "Tenant",
                    Name = "mesh",
                    Canonical = Google.Protobuf.ByteString.CopyFromUtf8("""{"apiVersion":"mesh/v1","kind":"Tenant","metadata":{"name":"mesh"}}"""),
                    Source = "test.yaml:1",
                },
            },
        }));
    }

    [Theory]
    [InlineData("viewer", "SeeApprovals SeeGroups")]
    [InlineData("operator", "SeeApprovals ApplyDefinitions SeeGroups")]
    [InlineData("approver", "SeeApprovals DecideApprovals SeeGroups")]
    [InlineData("policy-admin", "SeeApprovals ApplyPolicySets SeeGroups")]
    [InlineData("vault-admin", "")]
    [InlineData("auditor", "SeeApprovals SeeGroups")]
    [InlineData("admin", "SeeApprovals DecideApprovals ApplyPolicySets ApplyDefinitions SeeGroups ChangeAccess")]
    public void Each_role_carries_exactly_these_rights_in_its_tenant_and_none_in_another(string role, string rights)
    {
        var principal = new Principal(
            "p", PrincipalKind.Person, System.Collections.Immutable.ImmutableDictionary<string, System.Collections.Immutable.ImmutableHashSet<string>>.Empty.Add("acme", [role]), [], "t");

        Assert.Equal(rights, string.Join(' ', Enum.GetValues<Right>().Where(right => principal.May(right, "acme"))));
        Assert.DoesNotContain(Enum.GetValues<Right>(), right => principal.May(right, "other"));
    }

    private static byte[] Hash(string token) => OpaqueToken.TryParse(token, TokenKind.Access, out var parsed) ? parsed.Hash().ToArray() : [];

    private async Task<V1.Principal?> AuthenticateAsync(string token) => (await node.Identity().AuthenticateAsync(new V1.AuthenticateRequest { Token = token })).Principal;
}
