// Brings the stores of a node up to date:
//
//   MESH_POSTGRES=… dotnet Mesh.Node.dll migrate CONNECTIONS
//
// MESH_POSTGRES is a superuser's connection; CONNECTIONS is a folder with one connection string per store, whose role
// is made and given that password. A line is printed as each store becomes ready: its name and how many migrations ran.
using Mesh.Node;
using Mesh.Postgres;
using Npgsql;

var admin = Environment.GetEnvironmentVariable("MESH_POSTGRES");
if (args is not ["migrate", var connections] || string.IsNullOrEmpty(admin))
{
    Console.Error.WriteLine("usage: MESH_POSTGRES=… dotnet Mesh.Node.dll migrate CONNECTIONS");
    return 2;
}

try
{
    await new StoreMigration(admin, connections).RunAsync(Console.Out);
    return 0;
}
catch (Exception error) when (error is NpgsqlException or SchemaBlockedException)
{
    Console.Error.WriteLine(error.Message);
    return 1;
}
