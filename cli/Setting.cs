using Mesh.Cli.Output;

namespace Mesh.Cli;

/// <summary>A setting of the environment: its value, or the file that VARIABLE_FILE names, so that a secret need not be in the environment.</summary>
internal static class Setting
{
    public static string? Read(string variable)
    {
        if (Environment.GetEnvironmentVariable(variable) is { Length: > 0 } value)
        {
            return value;
        }

        if (Environment.GetEnvironmentVariable($"{variable}_FILE") is not { Length: > 0 } file)
        {
            return null;
        }

        try
        {
            return File.ReadAllText(file).TrimEnd('\r', '\n') is { Length: > 0 } text ? text : throw new IOException($"{file} is empty.");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new ProblemException(Problem.Usage($"{variable}_FILE cannot be read: {error.Message}"));
        }
    }
}
