using Mesh.Bus.Embedded;
using Mesh.Bus.Rabbit;
using Mesh.Postgres;
using Mesh.ServiceHost;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Logging;
using Npgsql;

namespace Mesh.Bus;

/// <summary>Registers a service's part in the bus.</summary>
public static class BusRegistration
{
    /// <summary>
    /// The bus that <c>MESH_BUS</c> names, at <c>MESH_BUS_URL</c>: the embedded one by the service's own login (see
    /// <see cref="Roles.GrantBusAsync"/>), where nothing is said in the service's own database; or RabbitMQ. Needs a store.
    /// </summary>
    public static void AddBus(this WebApplicationBuilder builder)
    {
        var options = builder.MeshOptions();

        if (options.Bus == BusTransport.Rabbitmq)
        {
            var url = BrokerUrl(builder);
            builder.Services.AddSingleton(provider => new RabbitBus(
                url, provider.GetRequiredService<NpgsqlDataSource>(), RetryPauses.Default, provider.GetRequiredService<ILoggerFactory>()));
            builder.Services.AddSingleton<IBusTransport>(provider => provider.GetRequiredService<RabbitBus>());
            builder.Services.AddSingleton<IDeadLetters>(provider => provider.GetRequiredService<RabbitBus>().DeadLetters);
            builder.Services.AddSingleton<IQueueDepths>(provider => provider.GetRequiredService<RabbitBus>().Depths);
            return;
        }

        var connection = options.BusUrl ?? builder.RequirePostgres();
        builder.Services.AddSingleton(provider => new EmbeddedBus(
            connection, RetryPauses.Default, provider.GetRequiredService<ILoggerFactory>()));
        builder.Services.AddSingleton<IBusTransport>(provider => provider.GetRequiredService<EmbeddedBus>());
        builder.Services.AddSingleton<IDeadLetters>(provider => provider.GetRequiredService<EmbeddedBus>().DeadLetters);
        builder.Services.AddSingleton<IQueueDepths>(provider => provider.GetRequiredService<EmbeddedBus>().Depths);
    }

    /// <summary>
    /// The sending half alone, for a service without a store: on RabbitMQ as <see cref="IBusSender"/>, else nothing is registered,
    /// because the embedded bus is a table that such a service cannot reach.
    /// </summary>
    public static void AddBusSender(this WebApplicationBuilder builder)
    {
        if (builder.MeshOptions().Bus == BusTransport.Rabbitmq)
        {
            var url = BrokerUrl(builder);
            builder.Services.AddSingleton<IBusSender>(provider => new RabbitSender(url, provider.GetRequiredService<ILoggerFactory>()));
        }
    }

    /// <summary>Relays this service's outbox. Needs a store and a transport.</summary>
    public static IServiceCollection AddOutboxRelay(this IServiceCollection services) => services.AddHostedService<OutboxGauges>().AddHostedService<OutboxRelay>();

    /// <summary>Adds a handler; its consumer is subscribed and runs with the service.</summary>
    public static IServiceCollection AddMessageHandler<THandler>(this IServiceCollection services)
        where THandler : class, IMessageHandler
    {
        services.AddSingleton<IMessageHandler, THandler>();
        services.TryAddSingleton<Delivery>();

        return services.AddHostedService<QueueGauges>().AddHostedService<BusConsumers>();
    }

    // The text is a secret: it is not repeated in what is said about it.
    private static Uri BrokerUrl(WebApplicationBuilder builder) =>
        Uri.TryCreate(builder.MeshOptions().BusUrl, UriKind.Absolute, out var url) && url.Scheme is "amqp" or "amqps" && url.UserInfo.Count(sign => sign == ':') == 1
            ? url
            : throw builder.Refusal("MESH_BUS_URL (--bus-url) must be amqp://user:password@host:port/vhost, or amqps, where MESH_BUS (--bus) is rabbitmq");
}
