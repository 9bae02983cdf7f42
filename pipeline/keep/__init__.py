"""Runs as things to keep: what changed between two (`diff`), one made of several (`merge`), removal of
what nothing refers to (`clean`), and the disk that one will need (`disk`)."""
