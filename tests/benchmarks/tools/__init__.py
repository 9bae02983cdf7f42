"""The sections of `make bench-tools`, one file each."""
