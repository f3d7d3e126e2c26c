namespace Postgres.Tests.Bus;

/// <summary>The contract, kept on RabbitMQ.</summary>
public sealed class RabbitBusTests(RabbitBusFixture fixture) : BusContractTests(fixture), IClassFixture<RabbitBusFixture>;
