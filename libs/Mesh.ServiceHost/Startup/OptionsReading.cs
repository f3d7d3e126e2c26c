using System.Collections.Immutable;

namespace Mesh.ServiceHost;

/// <summary>What the environment and the command line said.</summary>
internal abstract record OptionsReading
{
    /// <summary>Every option is valid; one record per declared type.</summary>
    internal sealed record Bound(ImmutableDictionary<Type, object> Records) : OptionsReading;

    /// <summary>The service must not start; one line per option that is wrong.</summary>
    internal sealed record Refused(ImmutableArray<string> Lines) : OptionsReading;

    /// <summary>Somebody asked what the options are.</summary>
    internal sealed record Help(string Text) : OptionsReading;
}
