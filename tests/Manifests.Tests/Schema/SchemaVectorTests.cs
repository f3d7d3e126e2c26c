using System.Text.Json;
using Mesh.Manifests.Schema;

namespace Mesh.Manifests.Tests.Schema;

/// <summary>Runs vectors in the form of the official JSON Schema test suite: groups of a schema and its instances.</summary>
public sealed class SchemaVectorTests
{
    // Where a checkout of the official suite's tests/draft2020-12 is, when there is one.
    private static readonly string? OfficialSuite = Environment.GetEnvironmentVariable("JSON_SCHEMA_SUITE");

    public static TheoryData<string> Vectors() =>
        [.. Directory.GetFiles(Path.Combine(AppContext.BaseDirectory, "Schema", "Vectors"), "*.json").Select(f => Path.GetFileName(f)).Order()];

    [Theory]
    [MemberData(nameof(Vectors))]
    public void Every_vector_is_decided_as_written(string file)
    {
        var (wrong, ran) = Run(Path.Combine(AppContext.BaseDirectory, "Schema", "Vectors", file), mayRefuse: false);

        Assert.Equal([], wrong);
        Assert.True(ran > 0);
    }

    [Fact]
    public void The_official_suite_is_decided_as_written_wherever_its_schema_is_accepted()
    {
        Assert.SkipWhen(OfficialSuite is null, "JSON_SCHEMA_SUITE names no checkout of the official suite.");

        var results = Directory.GetFiles(OfficialSuite!, "*.json").Select(f => Run(f, mayRefuse: true)).ToList();

        Assert.Equal([], results.SelectMany(r => r.Wrong));
        Assert.True(results.Sum(r => r.Ran) > 900, $"only {results.Sum(r => r.Ran)} ran");
    }

    private static (List<string> Wrong, int Ran) Run(string path, bool mayRefuse)
    {
        var wrong = new List<string>();
        var ran = 0;
        using var groups = JsonDocument.Parse(File.ReadAllBytes(path));

        foreach (var group in groups.RootElement.EnumerateArray())
        {
            var what = $"{Path.GetFileName(path)}: {group.GetProperty("description").GetString()}";
            var compilation = JsonSchema.Compile(group.GetProperty("schema"));

            if (group.TryGetProperty("refused", out var refused))
            {
                ran++;
                if (compilation.Errors.All(e => e.SchemaPath != refused.GetString()))
                {
                    wrong.Add($"{what}: expected a refusal at {refused}, got {string.Join("; ", compilation.Errors)}");
                }

                continue;
            }

            if (compilation.Schema is null)
            {
                if (!mayRefuse)
                {
                    wrong.Add($"{what}: {string.Join("; ", compilation.Errors)}");
                }

                continue;
            }

            foreach (var test in group.GetProperty("tests").EnumerateArray())
            {
                ran++;
                var violations = compilation.Schema.Validate(test.GetProperty("data"));

                if (violations.Count == 0 != test.GetProperty("valid").GetBoolean())
                {
                    wrong.Add($"{what}: {test.GetProperty("description").GetString()}: {string.Join("; ", violations)}");
                }
            }
        }

        return (wrong, ran);
    }
}
