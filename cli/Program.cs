return await Mesh.Cli.CommandLine.RunAsync(args);
