"""The database: connections, statements, migrations, and what to do when it is away."""
