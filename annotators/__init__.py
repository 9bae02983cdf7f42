"""One file for each kind of evidence about where a first error lies; prompts are data beside them."""
