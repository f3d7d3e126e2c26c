using System.Text;
using Mesh.Vault.Leases;
using Mesh.Vault.Seal;
using Mesh.Vault.Secrets;
using static Mesh.Vault.Tests.Notary;

namespace Mesh.Vault.Tests.Secrets;

public sealed class SecretStoreTests
{
    [Fact]
    public async Task A_put_makes_the_next_version_and_redemptions_get_that_one()
    {
        await using var vault = await TestVault.StartAsync();

        var put = Assert.IsType<PutOutcome.Put>(await vault.PutAsync(TestVault.Tenant, TestVault.SecretName, "the second"));

        Assert.Equal((2, "person:ada"), (put.Secret.Version, put.Secret.UpdatedBy));
        var terms = NewTerms();
        var redeemed = Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(await vault.IssueAsync(terms), terms));
        Assert.Equal("the second", Encoding.UTF8.GetString(redeemed.Credential!.Span));
        Assert.Equal(2, redeemed.SecretVersion);
        Assert.Equal(2, await vault.ScalarAsync<long>("select count(*) from outbox where key like 'secret/%'"));
    }

    [Fact]
    public async Task A_repeated_request_is_answered_as_before_and_another_one_under_its_id_is_refused()
    {
        await using var vault = await TestVault.StartAsync();
        var name = new SecretName("crm", "key");
        var first = await vault.PutAsync(TestVault.Tenant, name, "one", "r-1");
        await vault.PutAsync(TestVault.Tenant, name, "two", "r-2");

        Assert.Equal(first, await vault.PutAsync(TestVault.Tenant, name, "one", "r-1"));
        Assert.IsType<PutOutcome.RequestIdReused>(await vault.PutAsync(TestVault.Tenant, name, "other", "r-1"));
        Assert.IsType<PutOutcome.RequestIdReused>(await vault.PutAsync(TestVault.Tenant, new SecretName("crm", "other"), "one", "r-1"));
        Assert.Equal(2, (await vault.Secrets.ListAsync(TestVault.Tenant, TestContext.Current.CancellationToken)).Single(secret => secret.Name == name).Version);
    }

    [Fact]
    public async Task Puts_at_once_get_dense_versions_under_one_tenant_key()
    {
        await using var vault = await TestVault.StartAsync();

        var puts = await Task.WhenAll(Enumerable.Range(0, 40).Select(i => Task.Run(() => vault.PutAsync("globex", new SecretName("crm", "key"), $"value {i}"))));

        Assert.Equal(Enumerable.Range(1, 40).Select(i => (long)i), puts.Cast<PutOutcome.Put>().Select(put => put.Secret.Version).Order());
        Assert.Equal(1, await vault.ScalarAsync<long>("select count(*) from tenant_key where tenant_id = 'globex'"));
        Assert.Equal(40, await vault.ScalarAsync<long>("select wraps from tenant_key where tenant_id = 'globex'"));
    }

    [Fact]
    public async Task A_worn_or_old_tenant_key_is_replaced_and_still_opens_what_it_wrapped()
    {
        await using var vault = await TestVault.StartAsync();
        await vault.ExecuteAsync("update tenant_key set wraps = 2147483648");
        await vault.PutAsync(TestVault.Tenant, new SecretName("crm", "key"), "new key");
        await vault.ExecuteAsync("update tenant_key set created_at = created_at - interval '91 days'");
        await vault.PutAsync(TestVault.Tenant, new SecretName("crm", "key"), "newer key");

        Assert.Equal(3, await vault.ScalarAsync<long>("select count(*) from tenant_key"));
        var terms = NewTerms();
        Assert.IsType<RedeemOutcome.Redeemed>(await vault.RedeemAsync(await vault.IssueAsync(terms), terms));
    }

    [Theory]
    [InlineData("update secret_version set tenant_id = 'globex' where tenant_id = 'acme'; update secret set tenant_id = 'globex' where tenant_id = 'acme'; insert into tenant_key select 'globex', key_id, wrapped from tenant_key where tenant_id = 'acme'", "globex", "payments/payments-key")]
    [InlineData("update secret_version set name = 'other'; update secret set name = 'other'", "acme", "payments/other")]
    [InlineData("update secret_version set integration = 'weather'; update secret set integration = 'weather'", "acme", "weather/payments-key")]
    [InlineData("update secret_version set version = 2; update secret set version = 2", "acme", "payments/payments-key")]
    public async Task A_row_that_was_moved_to_another_tenant_name_or_version_does_not_open(string move, string tenant, string name)
    {
        await using var vault = await TestVault.StartAsync();
        Assert.True(SecretName.TryParse(name, out var moved));
        await vault.ExecuteAsync(move);

        var row = Assert.Single(await vault.Secrets.VerifyingAsync(tenant, moved.Value, TestContext.Current.CancellationToken));

        Assert.Throws<SealBrokenException>(() => vault.Keys.Open(tenant, moved.Value, row));
    }

    [Fact]
    public async Task During_a_rotation_two_versions_verify_a_webhook_and_a_day_later_one()
    {
        await using var vault = await TestVault.StartAsync();
        var webhooks = new WebhookKeys(vault.Manifests, vault.Secrets);
        var name = SecretName.OfWebhook("shop-signing-key");
        foreach (var value in (string[])["first", "second", "third"])
        {
            await vault.PutAsync(TestVault.Tenant, name, value);
        }

        Assert.Equal(["third", "second"], await FindAsync("shop"));
        Assert.Null(await webhooks.FindAsync(TestVault.Tenant, "shopp", vault.Keys, default));

        // The store's clock counts, so the put is moved and not the clock: to a minute before the day is over, and to its end.
        await vault.ExecuteAsync("update secret set updated_at = clock_timestamp() - interval '23 hours 59 minutes'");
        Assert.Equal(["third", "second"], await FindAsync("shop"));
        await vault.ExecuteAsync("update secret set updated_at = clock_timestamp() - interval '24 hours'");
        Assert.Equal(["third"], await FindAsync("shop"));

        async Task<string[]> FindAsync(string webhook) =>
            (await webhooks.FindAsync(TestVault.Tenant, webhook, vault.Keys, default))!.Secrets.Select(key => Encoding.UTF8.GetString(key.Span)).ToArray();
    }

    [Theory]
    [InlineData("standard-webhooks", "It's a Secret to Everybody", "must be whsec_")]
    [InlineData("standard-webhooks", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", null)]
    [InlineData("github", "It's a Secret to Everybody", null)]
    [InlineData("github", "short", "16 to 256 bytes")]
    [InlineData("github", "a new line behind it\n", "control character")]
    public async Task A_secret_must_have_the_form_that_the_webhook_of_its_name_asks_for(string scheme, string value, string? why)
    {
        await using var vault = await TestVault.StartAsync();
        await vault.ApplyAsync(SampleManifests.Of(TestVault.Tenant, scheme: scheme));
        using var secret = Mesh.Integrity.SecretBytes.CopyOf(Encoding.UTF8.GetBytes(value));

        var misfit = await new WebhookKeys(vault.Manifests, vault.Secrets).MisfitAsync(TestVault.Tenant, SecretName.OfWebhook("shop-signing-key"), secret, default);

        Assert.Equal(why is null, misfit is null);
        Assert.Contains(why ?? "", misfit ?? "", StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_secret_that_no_webhook_names_yet_may_have_any_form_that_one_could_ask_for()
    {
        await using var vault = await TestVault.StartAsync();
        var webhooks = new WebhookKeys(vault.Manifests, vault.Secrets);

        Assert.Null(await MisfitAsync("sixteen letters."));
        Assert.Null(await MisfitAsync("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"));
        Assert.Contains("16 to 256 bytes", await MisfitAsync("fifteen letters"), StringComparison.Ordinal);

        async Task<string?> MisfitAsync(string value)
        {
            using var secret = Mesh.Integrity.SecretBytes.CopyOf(Encoding.UTF8.GetBytes(value));
            return await webhooks.MisfitAsync(TestVault.Tenant, SecretName.OfWebhook("nobody-names-it"), secret, default);
        }
    }

    [Fact]
    public async Task The_database_holds_no_token_and_no_secret_in_any_form()
    {
        await using var vault = await TestVault.StartAsync();
        var terms = NewTerms();
        var used = await vault.IssueAsync(terms);
        var unused = await vault.IssueAsync(NewTerms());
        await vault.RedeemAsync(used, terms);
        await vault.RedeemAsync(used, terms);

        var dump = await DumpAsync(vault);

        Assert.Contains("payments-key", dump, StringComparison.Ordinal);
        foreach (var secret in (string[])[TestVault.Secret, used.Token.Reveal(), unused.Token.Reveal(), used.Token.Reveal()[4..]])
        {
            Assert.All(FormsOf(secret), form => Assert.DoesNotContain(form, dump, StringComparison.OrdinalIgnoreCase));
        }
    }

    // As text and, because byte columns are dumped in hex, as the hex of that text.
    private static IEnumerable<string> FormsOf(string secret)
    {
        var raw = Encoding.UTF8.GetBytes(secret);
        var forms = new List<string> { secret, Convert.ToHexStringLower(raw) };

        for (var shift = 0; shift < 3; shift++)
        {
            // Without the first and last characters, which depend on what stands beside it.
            forms.Add(Convert.ToBase64String([.. new byte[shift], .. raw])[4..^4]);
        }

        return [.. forms, .. forms.Select(form => Convert.ToHexStringLower(Encoding.UTF8.GetBytes(form)))];
    }

    private static async Task<string> DumpAsync(TestVault vault)
    {
        var dump = new StringBuilder();
        var tables = new List<string>();

        await using (var list = vault.Source.CreateCommand("select tablename from pg_tables where schemaname = 'vault'"))
        await using (var row = await list.ExecuteReaderAsync())
        {
            while (await row.ReadAsync())
            {
                tables.Add(row.GetString(0));
            }
        }

        foreach (var table in tables)
        {
            await using var rows = vault.Source.CreateCommand($"select t::text from vault.{table} t");
            await using var row = await rows.ExecuteReaderAsync();

            while (await row.ReadAsync())
            {
                dump.AppendLine(row.GetString(0));
            }
        }

        return dump.ToString();
    }
}
