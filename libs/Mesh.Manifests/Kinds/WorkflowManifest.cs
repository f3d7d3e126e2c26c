using Mesh.Manifests.Schema;

namespace Mesh.Manifests.Kinds;

/// <summary>An agent, the tools that it can call, and its bounds.</summary>
/// <param name="Tools">An agent can call these and no others.</param>
/// <param name="Agent">The program that runs it.</param>
/// <param name="Input">What a task's input must look like.</param>
/// <param name="Limits">When a task is stopped.</param>
public sealed record WorkflowManifest(IReadOnlyList<string> Tools, AgentProcess Agent, JsonSchema Input, TaskLimits Limits) : Manifest;

/// <summary>A program that Mesh starts.</summary>
/// <param name="Command">The command and its arguments, run in the bundle's folder.</param>
/// <param name="Directory">The folder to pack, relative to the manifest; null once it was packed.</param>
/// <param name="Bundle">The packed folder's <c>sha256:…</c>; null until it was packed. Exactly one of the two is given.</param>
public sealed record AgentProcess(IReadOnlyList<string> Command, string? Directory, string? Bundle);

/// <summary>When a task is stopped.</summary>
/// <param name="Steps">Recorded steps and tool calls together.</param>
/// <param name="Duration">From submission to the end, waiting included.</param>
/// <param name="Attempts">How often the task is offered to an agent that does not finish it.</param>
public sealed record TaskLimits(int Steps, TimeSpan Duration, int Attempts);
