"""A run whose witnesses are asked one after another: the pilot, what it teaches, and the rounds.

    cascade/panel/<witness>   verdicts of every witness on the pilot
    calibrate/cascade/        what they taught, frozen
    cascade/rounds/<number>   who is asked next of each solution, or why no one, frozen
    cascade/asked/<part>      verdicts that a round asked for; a judge's first vote is a part of its own
    verdicts/<witness>        the latest of each, derived from them

A round asks each solution one thing, so that each model is loaded once a round. What is asked of a
solution rests on its own verdicts and on frozen facts, and a round on those that ended before it:
neither the order in which solutions end nor a kill changes a choice. A solution whose verdict failed
waits for a later run.

`pilot.py` asks the pilot and learns from it, `run.py` asks the rounds, both with what a batch lends them
(`crew.py`); `rounds.py` reads the rounds that are on disk.
"""
