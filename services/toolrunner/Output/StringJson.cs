using System.Text.Json.Serialization;

namespace Mesh.Toolrunner.Output;

/// <summary>Source-generated JSON of the few types that are serialised.</summary>
[JsonSerializable(typeof(SortedDictionary<string, int>))]
internal sealed partial class StringJson : JsonSerializerContext;
