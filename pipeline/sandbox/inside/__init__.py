"""What runs inside the sandbox: the zygote, and the child that it forks for each snippet.

Nothing here imports anything but the standard library: these files alone are shown to the sandbox, not
the project. `zygote` is the process that was started, `snippet` what its child does with the
code, `isolation` how the child is shut in, `seccomp` which system calls it may make, `frames` how
zygote and pool talk.
"""
