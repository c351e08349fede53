"""Downloads of exported files."""
