using System.CommandLine;

namespace Mesh.Cli.DeadLetters;

/// <summary>The message that a verb is about.</summary>
internal static class DeadLetterArguments
{
    /// <summary>Those who consume anything, each by the name of its service.</summary>
    public static readonly string[] Consumers = ["orchestrator", "policy", "audit"];

    public static Argument<string> Consumer()
    {
        var consumer = new Argument<string>("CONSUMER") { Description = "Who could not handle it." };
        consumer.AcceptOnlyFromAmong(Consumers);
        return consumer;
    }

    public static Argument<string> Message() => new("MESSAGE") { Description = "Its whole id." };
}
