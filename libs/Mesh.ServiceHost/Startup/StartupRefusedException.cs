namespace Mesh.ServiceHost;

/// <summary>The service was told something that it cannot start with. Printed as it is, without a stack trace; exit code 2.</summary>
public sealed class StartupRefusedException : Exception
{
    /// <summary>One line per thing that is wrong.</summary>
    public StartupRefusedException(string service, params IEnumerable<string> lines)
        : base($"{service} cannot start:\n" + string.Join("\n", lines.Select(line => "  " + line)))
    {
    }

    // Program.cs stays free of try and catch: this is the outermost handler of a service's start.
    internal static void PrintInsteadOfCrashing() => AppDomain.CurrentDomain.UnhandledException += (_, thrown) =>
    {
        if (thrown.ExceptionObject is StartupRefusedException refused)
        {
            Console.Error.WriteLine(refused.Message);
            Environment.Exit(2);
        }
    };
}
