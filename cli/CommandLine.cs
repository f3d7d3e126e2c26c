using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using Mesh.Cli.Access;
using Mesh.Cli.Applying;
using Mesh.Cli.Approvals;
using Mesh.Cli.Auditing;
using Mesh.Cli.DeadLetters;
using Mesh.Cli.Demo;
using Mesh.Cli.Dev;
using Mesh.Cli.Install;
using Mesh.Cli.Keys;
using Mesh.Cli.Node;
using Mesh.Cli.Output;
using Mesh.Cli.Secrets;
using Mesh.Cli.Tasks;

namespace Mesh.Cli;

/// <summary>The whole command line: one noun per folder, one verb per file.</summary>
internal static class CommandLine
{
    // `@FILE` is a verb's own to read (--input @order.json); the parser would take the file's words for arguments.
    private static readonly ParserConfiguration Reading = new() { ResponseFileTokenReplacer = null };

    public static async Task<int> RunAsync(IReadOnlyList<string> arguments)
    {
        var parse = Parse(arguments);
        if (parse.Errors.Count > 0)
        {
            return await RefuseAsync(parse);
        }

        // Each verb ends by itself when it is told to stop; the launcher needs its 5 s to stop what it started.
        return await parse.InvokeAsync(new InvocationConfiguration
        {
            EnableDefaultExceptionHandler = false,
            ProcessTerminationTimeout = TimeSpan.FromSeconds(10),
        });
    }

    internal static ParseResult Parse(IReadOnlyList<string> arguments) => Root().Parse(arguments, Reading);

    internal static Command Root()
    {
        var root = Verbs();
        Teaching.Teach(root);
        return root;
    }

    // A plain command: a RootCommand would be called by the name of its assembly in every usage line.
    private static Command Verbs() =>
        new("mesh", "Mesh runs AI-agent workflows on machines that you own.")
        {
            new HelpOption(),
            new VersionOption(),
            GlobalOptions.Output,
            GlobalOptions.Endpoint,
            GlobalOptions.Token,
            GlobalOptions.Tenant,
            GlobalOptions.Data,
            DevCommand.Create(),
            DemoCommand.Create(),
            ApplyCommand.Create(),
            DiffCommand.Create(),
            new Command("manifest", "What is declared: apply, diff, get, list.")
            {
                ApplyCommand.Create(),
                DiffCommand.Create(),
                GetCommand.Create(),
                ListCommand.Create(),
            },
            GetCommand.Create(),
            ListCommand.Create(),
            new Command("task", "Runs of workflows: start, watch, cancel, settle.")
            {
                StartCommand.Create(),
                ListTasksCommand.Create(),
                GetTaskCommand.Create(),
                EventsCommand.Create(),
                TimelineCommand.Create(),
                WaitCommand.Create(),
                CancelCommand.Create(),
                SettleCommand.Create(),
            },
            new Command("approval", "Actions that wait for a person.")
            {
                ListApprovalsCommand.Create(),
                GetApprovalCommand.Create(),
                ApproveCommand.Create(),
                DenyCommand.Create(),
            },
            new Command("secret", "Credentials of external systems: they go in and never come out.")
            {
                PutSecretCommand.Create(),
                ListSecretsCommand.Create(),
            },
            new Command("token", "API tokens of people and systems.")
            {
                CreateTokenCommand.Create(),
                ListTokensCommand.Create(),
                RevokeTokenCommand.Create(),
            },
            new Command("group", "Groups of people, as approvals name them.")
            {
                AddToGroupCommand.Create(),
                RemoveFromGroupCommand.Create(),
                ListGroupsCommand.Create(),
            },
            new Command("audit", "The log that anyone can check.")
            {
                VerifyCommand.Create(),
                ProveCommand.Create(),
            },
            new Command("dead-letter", "Messages between services that nobody could handle.")
            {
                ListDeadLettersCommand.Create(),
                ShowDeadLetterCommand.Create(),
                RetryDeadLetterCommand.Create(),
                DiscardDeadLetterCommand.Create(),
            },
            InitCommand.Create(),
            new Command("keys", "The keys of an installation.") { InitKeysCommand.Create(), RenewKeysCommand.Create() },
            new Command("db", "The stores of the services.") { MigrateCommand.Create() },
            StatusCommand.Create(),
            WhoAmICommand.Create(),
            VersionCommand.Create(),
        };

    private static async Task<int> RefuseAsync(ParseResult parse)
    {
        if (GlobalOptions.FormOf(parse) is OutputForm.Json or OutputForm.Jsonl or OutputForm.Yaml)
        {
            var problem = Problem.Usage(string.Join(" ", parse.Errors.Select(Told)));
            problem.Write(Console.Error, asJson: true);
            return ExitCodes.Usage;
        }

        // The parser's own words name the verb, once for each argument, and none of the arguments.
        if (parse.Errors.Any(error => MissingIn(error) is not null))
        {
            foreach (var error in parse.Errors)
            {
                await Console.Error.WriteLineAsync(Told(error));
            }

            return ExitCodes.Usage;
        }

        if (parse.Action is ParseErrorAction action)
        {
            action.ShowHelp = parse.CommandResult.Command.Subcommands.Count > 0;
        }

        await parse.InvokeAsync();
        return ExitCodes.Usage;
    }

    private static string Told(ParseError error) => MissingIn(error) is { } missing ? $"{missing.Name} is missing: {missing.Description}" : error.Message;

    private static Argument? MissingIn(ParseError error) =>
        error.SymbolResult is ArgumentResult { Tokens.Count: 0, Argument: { Arity.MinimumNumberOfValues: > 0 } argument, Parent: CommandResult } ? argument : null;
}
