using System.ComponentModel.DataAnnotations;

namespace Mesh.Postgres;

/// <summary>The bounds of one group-commit writer.</summary>
public sealed record GroupCommitOptions
{
    /// <summary>The store's name in metrics, logs and errors.</summary>
    public required string Name { get; init; }

    /// <summary>Entries in one transaction. What is more goes into the next one.</summary>
    [Range(1, 256)]
    public int BatchMax { get; init; } = 256;

    /// <summary>Entries that wait. The next one is refused with <see cref="StoreBusyException"/>.</summary>
    [Range(1, 65_536)]
    public int QueueMax { get; init; } = 4_096;

    /// <summary>
    /// Transactions in flight: with two, one gathers while the other's commit is under way. The second connection is
    /// opened only under load. Use one where every batch takes the same row lock.
    /// </summary>
    [Range(1, 4)]
    public int Writers { get; init; } = 2;

    /// <summary>
    /// From this many siblings on an entry waits <see cref="Gathering"/> for theirs, as <c>commit_siblings</c> and <c>commit_delay</c> of
    /// PostgreSQL have it: where that many share the processors, a commit for each costs all of them more than the moment does.
    /// Siblings are the entries that are being written, whose callers may have another one then, and <see cref="Siblings"/>.
    /// </summary>
    [Range(2, 1_000)]
    public int SiblingsMin { get; init; } = 16;

    /// <summary>How many more are at work that will write; null where nothing is known of them. Cheap, never throws.</summary>
    public Func<int>? Siblings { get; init; }

    /// <summary>See <see cref="SiblingsMin"/>. About what a commit takes on an ordinary disk.</summary>
    public TimeSpan Gathering { get; init; } = TimeSpan.FromMilliseconds(3);

    /// <summary>
    /// How long a batch waits for a row that another session holds. Then it is halved, the halves wait half as long, and in
    /// the end only the entries that need that row fail: a replica that stopped in its transaction stops nobody else.
    /// </summary>
    public TimeSpan LockPatience { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>
    /// An entry that is written again finds the first one, if there is one, and is answered the same. A batch of which nobody knows
    /// whether it was committed is then written again, as one that was not reached; otherwise its callers are told that nobody knows.
    /// </summary>
    public bool IsRepeatable { get; init; }

    /// <summary>How long entries that were not sent yet wait for a lost database to come back, before they fail.</summary>
    public TimeSpan ConnectPatience { get; init; } = TimeSpan.FromSeconds(2);
}
