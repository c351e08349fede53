"""The directory: all divisions and users, as two files name them, compared with the database."""
