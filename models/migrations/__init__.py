"""The migrations, forward on both databases; `tortoise makemigrations` writes the next one."""
