"""Rules of consensus compared on the same verdicts, simulated and real."""
