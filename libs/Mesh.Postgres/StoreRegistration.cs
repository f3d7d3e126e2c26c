using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Postgres;

/// <summary>Registers a service's store.</summary>
public static class StoreRegistration
{
    /// <summary>
    /// Adds the <see cref="NpgsqlDataSource"/> of the service, a context factory for the quiet paths, and the <see cref="OutboxSignal"/>.
    /// </summary>
    public static IServiceCollection AddStore<TContext>(this IServiceCollection services, string connectionString)
        where TContext : MeshDbContext
    {
        services.AddSingleton(provider => OpenSource(connectionString, provider.GetService<ILoggerFactory>()));
        services.AddSingleton<OutboxSignal>();
        services.AddSingleton<IDbContextFactory<TContext>>(provider =>
        {
            var options = new DbContextOptionsBuilder<TContext>()
                .UseNpgsql(provider.GetRequiredService<NpgsqlDataSource>())
                .UseLoggerFactory(provider.GetService<ILoggerFactory>());

            return new StoreContextFactory<TContext>(options.Options);
        });

        return services;
    }

    /// <summary>Adds the <see cref="ReplicaHints"/> of a service that has a store.</summary>
    public static IServiceCollection AddReplicaHints(this IServiceCollection services, string service) => services
        .AddSingleton(provider => ActivatorUtilities.CreateInstance<ReplicaHints>(provider, service))
        .AddHostedService(provider => provider.GetRequiredService<ReplicaHints>());

    /// <summary>A data source with the settings that every store of Mesh uses.</summary>
    public static NpgsqlDataSource OpenSource(string connectionString, ILoggerFactory? loggers = null)
    {
        var settings = new NpgsqlConnectionStringBuilder(connectionString)
        {
            // Nobody sets session state on a pooled connection, so returning one costs no statement.
            NoResetOnClose = true,
            Timeout = 5,
            CommandTimeout = 15,
            // Each connection is a process of the server with plans of its own. More of them than this wait for its cores anyway.
            MaxPoolSize = 12,
            // A statement that fails while Npgsql prepares it by itself leaves the connection confused (npgsql issue 6391: "unexpected
            // backend message"). Hot statements are prepared explicitly: PrepareAsync costs nothing from the second time on.
            MaxAutoPrepare = 0,
            // A node that has nothing to do soon holds no more of them than it needs.
            ConnectionIdleLifetime = 30,
            ConnectionPruningInterval = 5,
            IncludeErrorDetail = false,
        };
        var source = new NpgsqlDataSourceBuilder(settings.ConnectionString);
        if (loggers is not null)
        {
            source.UseLoggerFactory(loggers);
        }

        return source.Build();
    }

    private sealed class StoreContextFactory<TContext>(DbContextOptions<TContext> options) : IDbContextFactory<TContext>
        where TContext : MeshDbContext
    {
        public TContext CreateDbContext() => (TContext)Activator.CreateInstance(typeof(TContext), options)!;
    }
}
