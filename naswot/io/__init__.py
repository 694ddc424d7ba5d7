"""Bytes: files written whole, Parquet, .npz, YAML, archives, pickles, digests and downloads."""
