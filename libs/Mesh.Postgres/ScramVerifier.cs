using System.Security.Cryptography;
using System.Text;

namespace Mesh.Postgres;

/// <summary>Makes the verifier that PostgreSQL stores instead of a password, so that no statement or log ever has the password.</summary>
public static class ScramVerifier
{
    /// <summary>PostgreSQL's own default. Every login pays for it on the client.</summary>
    private const int Iterations = 4096;

    /// <summary>The verifier of a password, with a new salt. Passwords are printable ASCII without quotes or backslash.</summary>
    public static string Of(string password)
    {
        if (password.Length == 0 || password.Any(sign => sign is < '!' or > '~' or '\'' or '"' or '\\'))
        {
            // SASLprep would be needed for anything else.
            throw new ArgumentException("A password is printable ASCII without spaces, quotes or backslash.", nameof(password));
        }

        var salt = RandomNumberGenerator.GetBytes(16);
        var salted = Rfc2898DeriveBytes.Pbkdf2(password, salt, Iterations, HashAlgorithmName.SHA256, 32);
        var stored = SHA256.HashData(HMACSHA256.HashData(salted, Encoding.ASCII.GetBytes("Client Key")));
        var server = HMACSHA256.HashData(salted, Encoding.ASCII.GetBytes("Server Key"));

        return $"SCRAM-SHA-256${Iterations}:{Convert.ToBase64String(salt)}${Convert.ToBase64String(stored)}:{Convert.ToBase64String(server)}";
    }
}
