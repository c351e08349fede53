"""The database: connections, statements, migrations, and its outages."""
