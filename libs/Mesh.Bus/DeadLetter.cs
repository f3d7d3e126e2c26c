using Mesh.Postgres;

namespace Mesh.Bus;

/// <summary>A message that is parked for one consumer, with the error that parked it.</summary>
/// <param name="Consumer">Who could not handle it.</param>
/// <param name="Message">The message; in lists its body is empty.</param>
/// <param name="Attempts">How often it was delivered.</param>
/// <param name="Error">What the last attempt said.</param>
/// <param name="ParkedAt">When it was parked.</param>
public sealed record DeadLetter(string Consumer, Envelope Message, int Attempts, string Error, DateTimeOffset ParkedAt);
