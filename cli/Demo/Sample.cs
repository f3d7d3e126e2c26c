using Mesh.Cli.Output;

namespace Mesh.Cli.Demo;

/// <summary>Where the refund sample is: its manifests in the sources, its programs beside this one.</summary>
internal sealed record Sample(string Manifests, string Shop)
{
    public static Sample Find()
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            var manifests = Path.Combine(folder.FullName, "sdk", "samples", "refund", "manifests");
            var shop = Path.Combine(folder.FullName, "artifacts", "samples", "refund", "shop", "Shop.dll");
            if (Directory.Exists(manifests) && File.Exists(shop))
            {
                return new Sample(manifests, shop);
            }
        }

        throw new ProblemException(Problem.Here(
            "SAMPLE_NOT_FOUND", "The refund sample is not built here: run ./mesh demo in the folder of the sources.", ExitCodes.Error));
    }
}
