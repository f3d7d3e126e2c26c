using Mesh.Bus.Embedded;
using Mesh.Postgres;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;

namespace Mesh.Bus;

/// <summary>Registers a service's part in the bus.</summary>
public static class BusRegistration
{
    /// <summary>The embedded bus on PostgreSQL, by the service's own login (see <see cref="Roles.GrantBusAsync"/>).</summary>
    public static IServiceCollection AddEmbeddedBus(this IServiceCollection services, string connectionString, RetryPauses? pauses = null)
    {
        services.AddSingleton(provider => new EmbeddedBus(
            connectionString, pauses ?? RetryPauses.Default, provider.GetRequiredService<ILoggerFactory>()));
        services.AddSingleton<IBusTransport>(provider => provider.GetRequiredService<EmbeddedBus>());
        services.AddSingleton<IDeadLetters>(provider => provider.GetRequiredService<EmbeddedBus>().DeadLetters);

        return services;
    }

    /// <summary>Relays this service's outbox. Needs a store and a transport.</summary>
    public static IServiceCollection AddOutboxRelay(this IServiceCollection services) => services.AddHostedService<OutboxRelay>();

    /// <summary>Adds a handler; its consumer is subscribed and runs with the service.</summary>
    public static IServiceCollection AddMessageHandler<THandler>(this IServiceCollection services)
        where THandler : class, IMessageHandler
    {
        services.AddSingleton<IMessageHandler, THandler>();
        services.TryAddSingleton<Delivery>();

        return services.AddHostedService<BusConsumers>();
    }
}
