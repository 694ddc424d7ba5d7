"""What a reader without the code is handed: captions, tables to look at, one page with all."""
