using Google.Protobuf.WellKnownTypes;
using Grpc.Core;
using Mesh.Errors.V1;
using Mesh.Manifests;
using Mesh.Policy.Access;
using Mesh.ServiceHost;

namespace Mesh.Policy.Intake;

/// <summary>People, groups, roles and tokens, for administrators.</summary>
internal sealed class AccessEndpoint(Caller caller, PrincipalStore principals, AccessLedger ledger, TimeProvider clock) : V1.AccessService.AccessServiceBase
{
    private const int NoteLengthMax = 255;
    private static readonly TimeSpan ValidForDefault = TimeSpan.FromDays(90);
    private static readonly TimeSpan ValidForMax = TimeSpan.FromDays(365);
    private static readonly string ExpiryWanted = $"must be in the future and at most {ValidForMax.TotalDays} days from now";

    public override async Task<V1.WhoAmIResponse> WhoAmI(V1.WhoAmIRequest request, ServerCallContext context) =>
        new() { Principal = PrincipalMetadata.Write(await caller.VerifyAsync(context)) };

    public override async Task<V1.CreateTokenResponse> CreateToken(V1.CreateTokenRequest request, ServerCallContext context)
    {
        var wanted = Read(request);

        // A token speaks with everything that its principal has, in every tenant: so it takes an administrator of all.
        var granter = await caller.VerifyAsync(context, Right.ChangeAccess, Principal.AllTenants);

        return await ledger.IssueAsync(wanted, granter.Actor(), context.CancellationToken) is { } issued
            ? new V1.CreateTokenResponse { Token = issued.Token.Reveal(), TokenId = issued.Id.ToString("D"), ExpiresAt = issued.ExpiresAt.ToTimestamp() }
            : throw Refusals.Invalid("kind", $"must be the other one: {wanted.Principal} exists already");
    }

    public override async Task<V1.ListTokensResponse> ListTokens(V1.ListTokensRequest request, ServerCallContext context)
    {
        var principal = await caller.VerifyAsync(context);

        // Everybody may see their own.
        if (request.Principal != principal.Id && !principal.May(Right.ChangeAccess, Principal.AllTenants))
        {
            throw Refusals.LacksRole(Role.Admin, Principal.AllTenants);
        }

        return new V1.ListTokensResponse { Tokens = { (await principals.ListTokensAsync(request.Principal, context.CancellationToken)).Select(Wire.Write) } };
    }

    public override async Task<V1.RevokeTokenResponse> RevokeToken(V1.RevokeTokenRequest request, ServerCallContext context)
    {
        var id = Bounds.Id(request.TokenId, "token_id");
        var principal = await caller.VerifyAsync(context);

        // Whoever holds a token may end it.
        if (principal.TokenId != request.TokenId && !principal.May(Right.ChangeAccess, Principal.AllTenants))
        {
            throw Refusals.LacksRole(Role.Admin, Principal.AllTenants);
        }

        return await ledger.RevokeAsync(id, principal.Actor(), context.CancellationToken)
            ? new V1.RevokeTokenResponse()
            : throw Refusals.NotFound(Reason.PrincipalNotFound, "There is no token of this id.");
    }

    public override async Task<V1.AddGroupMemberResponse> AddGroupMember(V1.AddGroupMemberRequest request, ServerCallContext context)
    {
        await ChangeMembershipAsync(request.Tenant, request.Group, request.Principal, isMember: true, context);
        return new V1.AddGroupMemberResponse();
    }

    public override async Task<V1.RemoveGroupMemberResponse> RemoveGroupMember(V1.RemoveGroupMemberRequest request, ServerCallContext context)
    {
        await ChangeMembershipAsync(request.Tenant, request.Group, request.Principal, isMember: false, context);
        return new V1.RemoveGroupMemberResponse();
    }

    public override async Task<V1.ListGroupsResponse> ListGroups(V1.ListGroupsRequest request, ServerCallContext context)
    {
        Bounds.Name(request.Tenant, "tenant");
        await caller.VerifyAsync(context, Right.SeeGroups, request.Tenant);
        var groups = await principals.ListGroupsAsync(request.Tenant, context.CancellationToken);
        return new V1.ListGroupsResponse { Groups = { groups.Select(g => new V1.Group { Name = g.Group, Members = { g.Members } }) } };
    }

    private async Task ChangeMembershipAsync(string tenant, string group, string principal, bool isMember, ServerCallContext context)
    {
        Bounds.Name(tenant, "tenant");
        Bounds.Name(group, "group");
        Bounds.Name(principal, "principal");
        var actor = await caller.VerifyAsync(context, Right.ChangeAccess, tenant);

        if (!await ledger.ChangeMembershipAsync(new Group(tenant, group), principal, isMember, actor.Actor(), context.CancellationToken))
        {
            throw Refusals.NotFound(Reason.PrincipalNotFound, $"There is no principal {principal}; create a token for it first.");
        }
    }

    private TokenRequest Read(V1.CreateTokenRequest request)
    {
        Bounds.Name(request.Principal, "principal");
        Bounds.Length(request.Note, "note", NoteLengthMax);
        Bounds.Require(request.Kind is V1.Principal.Types.Kind.Person or V1.Principal.Types.Kind.System, "kind", "must be KIND_PERSON or KIND_SYSTEM");

        for (var i = 0; i < request.Roles.Count; i++)
        {
            var (tenant, role) = (request.Roles[i].Tenant, request.Roles[i].Role);
            Bounds.Require(tenant == Principal.AllTenants || Names.IsName(tenant), $"roles[{i}].tenant", "must be a tenant's name, or * for all");
            Bounds.Require(Role.All.Contains(role), $"roles[{i}].role", $"must be one of {string.Join(", ", Role.All)}");
        }

        var now = clock.GetUtcNow();
        var latest = now + ValidForMax;

        // Compared before it is read: not everything that has this form is a time.
        Bounds.Require(
            request.ExpiresAt is null or { Seconds: >= 0, Nanos: >= 0 and < Duration.NanosecondsPerSecond } && !(request.ExpiresAt?.Seconds > latest.ToUnixTimeSeconds()),
            "expires_at",
            ExpiryWanted);
        var expiresAt = request.ExpiresAt?.ToDateTimeOffset() ?? now + ValidForDefault;
        Bounds.Require(expiresAt > now && expiresAt <= latest, "expires_at", ExpiryWanted);

        return new TokenRequest(
            request.Principal,
            request.Kind == V1.Principal.Types.Kind.Person ? PrincipalKind.Person : PrincipalKind.System,
            [.. request.Roles.Select(r => (r.Tenant, r.Role)).Distinct()],
            expiresAt,
            request.Note);
    }
}
