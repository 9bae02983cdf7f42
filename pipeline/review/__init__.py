"""People label what is worth a person's minute, on a local page; what they decide labels those solutions
and teaches how far each witness is to be trusted.

`decisions` keeps what each reviewer decided, `order` says what to ask next, `witness` makes one verdict of
what all reviewers say of a solution, `session` is one reviewer's way through, and `server` the page.
"""
