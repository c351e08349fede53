"""The migrations, forward on both databases; `python -m tortoise makemigrations` writes the next one."""
