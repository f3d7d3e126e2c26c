using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.Runtime.CompilerServices;

namespace Mesh.Cli;

/// <summary>Examples under a verb's <c>--help</c>: the shortest way to learn it.</summary>
internal static class Teaching
{
    private static readonly ConditionalWeakTable<Command, string> Examples = [];

    public static Command WithExample(this Command command, string example)
    {
        Examples.Add(command, example);
        return command;
    }

    /// <summary>Lets the root's help option print a command's example after its help.</summary>
    public static void Teach(Command root)
    {
        var help = root.Options.OfType<HelpOption>().Single();
        help.Action = new HelpWithExample((HelpAction)help.Action!);
    }

    private sealed class HelpWithExample(HelpAction help) : SynchronousCommandLineAction
    {
        // Who asks for help has not said what the verb needs yet: that is no mistake.
        public override bool ClearsParseErrors => true;

        public override int Invoke(ParseResult parseResult)
        {
            var exitCode = help.Invoke(parseResult);
            if (Examples.TryGetValue(parseResult.CommandResult.Command, out var example))
            {
                var to = parseResult.InvocationConfiguration.Output;
                to.WriteLine("Example:");
                foreach (var line in example.Split('\n'))
                {
                    to.WriteLine($"  {line}");
                }
            }

            return exitCode;
        }
    }
}
