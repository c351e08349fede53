"""Reading uploaded spreadsheets in a child process, and writing files; imports nothing else of ours."""
