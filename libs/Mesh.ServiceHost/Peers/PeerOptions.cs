namespace Mesh.ServiceHost;

/// <summary>How calls to one peer behave, where the defaults do not fit.</summary>
public sealed class PeerOptions
{
    /// <summary>How long a unary call may take when it states nothing itself.</summary>
    public TimeSpan Deadline { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>How long a stream may take when it states nothing itself.</summary>
    public TimeSpan StreamDeadline { get; set; } = TimeSpan.FromHours(1);

    /// <summary>Methods that their proto calls safe to retry, as <c>/package.Service/Method</c>. Only they are repeated, when the peer was unavailable or broke off, and where its address lists several replicas also when one has not answered within a second.</summary>
    public IList<string> RetrySafe { get; } = [];
}
