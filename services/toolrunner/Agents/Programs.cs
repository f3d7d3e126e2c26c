namespace Mesh.Toolrunner.Agents;

/// <summary>Finds the program that a command names, as a shell would, and follows links: the cage lets in real paths.</summary>
internal static class Programs
{
    /// <exception cref="FileNotFoundException">There is none.</exception>
    public static string Find(string name, string bundle)
    {
        if (name.Contains('/', StringComparison.Ordinal))
        {
            var path = Path.GetFullPath(name, bundle);
            return File.Exists(path) ? path : throw new FileNotFoundException($"{name} is not in the bundle.");
        }

        // The runtime that runs the runner also runs agents, wherever it is installed.
        var own = name == "dotnet" ? new[] { Environment.ProcessPath, Path.Combine(Environment.GetEnvironmentVariable("DOTNET_ROOT") ?? "/", "dotnet") } : [];
        var paths = (Environment.GetEnvironmentVariable("PATH") ?? "/usr/local/bin:/usr/bin:/bin").Split(':').Where(Path.IsPathFullyQualified).Select(folder => Path.Combine(folder, name));
        var found = own.Where(path => path is not null && Path.GetFileName(path) == name).OfType<string>().Concat(paths).FirstOrDefault(File.Exists)
            ?? throw new FileNotFoundException($"{name} is not installed.");

        return File.ResolveLinkTarget(found, returnFinalTarget: true)?.FullName ?? found;
    }
}
