"""Reading uploaded spreadsheets in a child process, and writing files; a leaf of the imports."""
