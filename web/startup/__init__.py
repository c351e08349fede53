"""What must hold before the server answers."""
