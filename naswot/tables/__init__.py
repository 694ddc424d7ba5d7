"""The formats of our own files: their columns, who writes and who reads them."""
