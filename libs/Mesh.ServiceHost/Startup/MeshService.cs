using System.Collections.Immutable;
using System.Diagnostics;
using System.Reflection;
using System.Security.Cryptography;
using Grpc.Core;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Mesh.ServiceHost;

/// <summary>What makes a program one of the six services: identity, telemetry, health, deadlines, drain.</summary>
public static class MeshService
{
    private const string Key = "mesh";

    /// <summary>Adds all that services share. Use <c>WebApplication.CreateEmptyBuilder(new())</c>: settings come from the environment and <paramref name="args"/> only.</summary>
    /// <param name="builder">The builder.</param>
    /// <param name="service">The name of the service, as its certificate has it.</param>
    /// <param name="args">The command line.</param>
    /// <param name="options">Records of options that the service adds; see <see cref="OptionAttribute"/>.</param>
    public static WebApplicationBuilder AddMeshService(this WebApplicationBuilder builder, string service, string[] args, params Type[] options)
    {
        StartupRefusedException.PrintInsteadOfCrashing();
        var table = new OptionTable(service, options.Prepend(typeof(MeshServiceOptions)));

        var isProbe = args is [Probe.Verb, ..];

        switch (table.Read(Environment.GetEnvironmentVariables(), isProbe ? args[1..] : args))
        {
            case OptionsReading.Help help:
                Console.Out.Write(help.Text);
                Environment.Exit(0);
                break;

            case OptionsReading.Refused refused:
                throw new StartupRefusedException(service, refused.Lines);

            case OptionsReading.Bound bound when isProbe:
                Environment.Exit(Probe.Run(((MeshServiceOptions)bound.Records[typeof(MeshServiceOptions)]).Health, Console.Out));
                break;

            case OptionsReading.Bound bound:
                Compose(builder, service, bound.Records);
                break;
        }

        return builder;
    }

    /// <summary>The same, with one record of options of the service's own.</summary>
    public static WebApplicationBuilder AddMeshService<TOptions>(this WebApplicationBuilder builder, string service, string[] args)
        where TOptions : class, new() =>
        builder.AddMeshService(service, args, typeof(TOptions));

    /// <summary>The options that every service has.</summary>
    public static MeshServiceOptions MeshOptions(this WebApplicationBuilder builder) => builder.MeshOptions<MeshServiceOptions>();

    /// <summary>The service's own options. They are also in the container.</summary>
    public static TOptions MeshOptions<TOptions>(this WebApplicationBuilder builder)
        where TOptions : class =>
        (TOptions)Composition.Of(builder).Options[typeof(TOptions)];

    /// <summary>The connection string of the service's store; refuses to start without one.</summary>
    public static string RequirePostgres(this WebApplicationBuilder builder) =>
        builder.MeshOptions().Postgres ?? throw builder.Refusal("MESH_POSTGRES (--postgres) is required: this service keeps its state in PostgreSQL");

    /// <summary>The refusal to start with what it was told, for whoever reads the last line of a service.</summary>
    public static StartupRefusedException Refusal(this WebApplicationBuilder builder, string why) => new(Composition.Of(builder).Service, why);

    /// <summary>Adds a generated gRPC client of a peer, as a singleton. Refuses to start when nothing says where the peer is.</summary>
    public static WebApplicationBuilder AddPeer<TClient>(this WebApplicationBuilder builder, string service, Action<PeerOptions>? configure = null)
        where TClient : ClientBase<TClient>
    {
        var composition = Composition.Of(builder);
        var address = builder.MeshOptions().Peer(service);
        var name = $"MESH_PEER_{service.ToUpperInvariant()} (--peer-{service})";

        if (address is null)
        {
            throw new StartupRefusedException(composition.Service, $"{name} is required: this service calls {service}");
        }

        if (PeerAddress.Parse(address) is null)
        {
            throw new StartupRefusedException(composition.Service, $"{name} {PeerAddress.Wants}, not '{address}'");
        }

        if (!composition.Peers.TryGetValue(service, out var how))
        {
            composition.Peers.Add(service, how = new PeerOptions());
        }

        configure?.Invoke(how);
        builder.Services.AddSingleton(provider =>
            (TClient)Activator.CreateInstance(typeof(TClient), provider.GetRequiredService<PeerChannels>().Invoker(service))!);
        return builder;
    }

    /// <summary>Adds a check that <c>/readyz</c> asks. It answers null when all is well, else what is wrong.</summary>
    public static WebApplicationBuilder AddReadiness(this WebApplicationBuilder builder, string name, Func<IServiceProvider, CancellationToken, ValueTask<string?>> ask)
    {
        builder.Services.AddSingleton(new ReadinessCheck(name, ask));
        return builder;
    }

    /// <summary>Adds what callers are told for a library's exception.</summary>
    public static WebApplicationBuilder RefuseOn<TException>(this WebApplicationBuilder builder, Func<TException, MeshError?> rule)
        where TException : Exception
    {
        Composition.Of(builder).Errors.On(rule);
        return builder;
    }

    /// <summary>Puts health, drain and the caller table in front of everything that the service maps.</summary>
    public static WebApplication MapMeshService(this WebApplication app)
    {
        var options = app.Services.GetRequiredService<MeshServiceOptions>();
        var composition = app.Services.GetRequiredService<Composition>();
        var log = app.Services.GetRequiredService<ILoggerFactory>().CreateLogger("Mesh.ServiceHost");
        var clock = app.Services.GetRequiredService<TimeProvider>();
        app.Services.GetRequiredService<MethodRows>().Routes = app;

        // Created now, so that it counts from the first request on and not from the first look.
        app.Services.GetRequiredService<MetricsText>();

        var readiness = app.Services.GetRequiredService<Readiness>();
        app.UseMiddleware<HealthListener>();
        app.Use((context, next) =>
        {
            context.Response.Headers[ClockSkew.Header] = clock.GetUtcNow().ToUnixTimeMilliseconds().ToString(System.Globalization.CultureInfo.InvariantCulture);

            if (readiness.IsDraining)
            {
                context.Response.Headers[Linger.Header] = "1";
            }

            return next(context);
        });
        app.UseRouting();
        app.UseMiddleware<CallerGate>();

        app.Lifetime.ApplicationStarted.Register(() => log.Listening(composition.Service, composition.Version, options.Listen.ToString(), options.Health.ToString()));
        app.Lifetime.ApplicationStopping.Register(readiness.Drain);

        if (options.StopOnStdinEof)
        {
            StandardInput.StopAtEnd(app.Lifetime, log);
        }

        return app;
    }

    private static void Compose(WebApplicationBuilder builder, string service, ImmutableDictionary<Type, object> records)
    {
        var options = (MeshServiceOptions)records[typeof(MeshServiceOptions)];

        var version = Assembly.GetEntryAssembly()?.GetName().Version?.ToString(3) ?? "0.0.0";
        var composition = new Composition(service, version, records);
        var identity = ReadIdentity(service, options);
        composition.AttachTo(builder);

        // No appsettings.json, no ASPNETCORE_ variables: one place to look.
        ((IConfigurationBuilder)builder.Configuration).Sources.Clear();
        builder.Logging.ClearProviders();
        builder.Logging.SetMinimumLevel(options.LogLevel);
        builder.Logging.AddFilter("Microsoft", LogLevel.Warning);
        builder.Logging.AddFilter("Grpc", LogLevel.Warning);
        builder.Logging.AddFilter("MassTransit", LogLevel.Warning);
        builder.Logging.AddFilter("Npgsql", LogLevel.Warning);
        Exporting.AddTo(builder, service, version);

        builder.WebHost.UseKestrelCore().ConfigureKestrel(server =>
        {
            server.AddServerHeader = false;

            // Long polls of many agents share one connection of a tool runner.
            server.Limits.Http2.MaxStreamsPerConnection = 1_000;
            server.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
            server.Listen(options.Listen, listener => listener.UsePeerTls(identity));
            server.Listen(options.Health, HealthListener.Mark);
        });

        var services = builder.Services;

        foreach (var (type, record) in records)
        {
            services.AddSingleton(type, record);
        }

        services.TryAddSingleton(TimeProvider.System);
        services.AddSingleton<ILoggerProvider>(provider => new JsonLines(service, version, provider.GetRequiredService<TimeProvider>()));
        services.AddSingleton(composition);
        services.AddSingleton(composition.Errors);
        services.AddSingleton(identity);
        services.AddSingleton(provider => new TrustStore(
            options.Keys, provider.GetRequiredService<TimeProvider>(), provider.GetRequiredService<ILogger<TrustStore>>()));
        var traces = new TracePropagator(isOpen: false);
        DistributedContextPropagator.Current = traces;
        services.AddSingleton<DistributedContextPropagator>(traces);
        services.AddSingleton<Refused>();
        services.AddSingleton<ErrorWriter>();
        services.AddSingleton<MetricsText>();
        services.AddSingleton<LimitGauges>();
        services.AddSingleton<Readiness>();
        services.AddSingleton<ClockSkew>();
        services.AddSingleton(new ReadinessCheck("clock", static (provider, _) => ValueTask.FromResult(provider.GetRequiredService<ClockSkew>().Trouble())));
        services.AddSingleton(provider => new PeerChannels(
            options, identity, provider.GetRequiredService<ClockSkew>(), provider.GetRequiredService<TimeProvider>(), composition.Peers, provider.GetRequiredService<ILogger<PeerChannels>>()));
        services.AddSingleton<MethodRows>();
        services.AddHostedService(static provider => provider.GetRequiredService<MethodRows>());
        services.AddHostedService<Linger>();
        services.Configure<HostOptions>(host => host.ShutdownTimeout = options.Linger + options.Drain);

        services.AddRouting();
        services.AddMetrics();
        services.AddSingleton<RefusalInterceptor>();
        services.AddGrpc(grpc =>
        {
            grpc.Interceptors.Add<RefusalInterceptor>();
            grpc.MaxReceiveMessageSize = MeshLimits.MessageBytesMax;
            grpc.MaxSendMessageSize = MeshLimits.MessageBytesMax;

            // The gate refuses them, with a reason.
            grpc.IgnoreUnknownServices = true;
        }).AddJsonTranscoding(json =>
        {
            json.TypeRegistry = ErrorWriter.Details;
            json.JsonSettings.WriteInt64sAsStrings = true;
        });
    }

    private static TlsIdentity ReadIdentity(string service, MeshServiceOptions options)
    {
        var (option, folder) = options.Tls is { } apart ? ("MESH_TLS (--tls)", apart) : ("MESH_KEYS (--keys)", options.Keys);

        try
        {
            var identity = new TlsIdentity(folder, options.Domain);
            var expected = new SpiffeId(options.Domain, service);
            return SpiffeId.TryRead(identity.Certificate, out var id) && id == expected
                ? identity
                : throw new StartupRefusedException(service, $"{option}: the certificate in {folder} is not that of {expected}");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or CryptographicException or ArgumentException)
        {
            throw new StartupRefusedException(service, $"{option}: {folder} has no readable tls.crt, tls.key and ca.crt that fit together; keys init writes them");
        }
    }

    private sealed class Composition(string service, string version, ImmutableDictionary<Type, object> options)
    {
        public string Service => service;

        public string Version => version;

        public ImmutableDictionary<Type, object> Options => options;

        public ErrorMap Errors { get; } = new();

        public Dictionary<string, PeerOptions> Peers { get; } = [];

        public static Composition Of(WebApplicationBuilder builder) =>
            ((IHostApplicationBuilder)builder).Properties.TryGetValue(Key, out var found) && found is Composition composition
                ? composition
                : throw new InvalidOperationException("AddMeshService comes first.");

        public void AttachTo(WebApplicationBuilder builder) => ((IHostApplicationBuilder)builder).Properties[Key] = this;
    }
}
