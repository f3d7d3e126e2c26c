using System.Reflection;
using Mesh.Postgres;
using Npgsql;

namespace Mesh.Node;

/// <summary>Makes the roles of every store and runs the missing migrations, all in one process.</summary>
/// <remarks>
/// The first use of EF Core costs most of the time, so one process for all is faster than one each. The services stay
/// strangers to each other: their contexts are found by type, and nothing else of them is touched.
/// </remarks>
internal sealed class StoreMigration(string admin, string connections)
{
    private const string Bus = "bus";

    public async Task RunAsync(TextWriter told)
    {
        var stores = Directory.EnumerateFiles(connections).Select(file => Path.GetFileName(file)!).Order().ToList();
        foreach (var store in stores)
        {
            var connection = new NpgsqlConnectionStringBuilder(await File.ReadAllTextAsync(Path.Combine(connections, store)));
            await Roles.EnsureAsync(admin, store, connection.Password!);
        }

        var contexts = ContextTypes().ToDictionary(SchemaOf);

        // The bus first: every service's first act may be to listen on it.
        foreach (var store in stores.OrderBy(store => store != Bus))
        {
            var count = contexts.TryGetValue(store, out var context) ? await MigrateAsync(context) : 0;
            if (store != Bus && stores.Contains(Bus))
            {
                await Roles.GrantBusAsync(admin, store);
            }

            await told.WriteLineAsync($"{store} {count}");
            await told.FlushAsync();
        }
    }

    private static IEnumerable<Type> ContextTypes() =>
        from file in Directory.EnumerateFiles(AppContext.BaseDirectory, "Mesh.*.dll")
        from type in Assembly.Load(Path.GetFileNameWithoutExtension(file)).GetTypes()
        where type.IsSubclassOf(typeof(MeshDbContext)) && !type.IsAbstract
        select type;

    private static string SchemaOf(Type context)
    {
        var options = Activator.CreateInstance(typeof(Microsoft.EntityFrameworkCore.DbContextOptions<>).MakeGenericType(context))!;
        using var opened = (MeshDbContext)Activator.CreateInstance(context, options)!;
        return opened.Schema;
    }

    private Task<int> MigrateAsync(Type context) =>
        (Task<int>)typeof(Migrator).GetMethod(nameof(Migrator.MigrateAsync))!
            .MakeGenericMethod(context)
            .Invoke(null, [admin, CancellationToken.None])!;
}
