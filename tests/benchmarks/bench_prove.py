"""Does a PRM learn more from the posterior's labels than from those of published recipes?

    make prove                                  all of it; killed, the same command goes on where it was
    make prove ARGS=--dry-run                   what there is to do, and about how long it takes
    make prove ARGS="--seeds 2"                 the first two seeds
    make prove ARGS=--done                      the table of the seeds that are whole so far

Arms:
  same solutions  each method labels all of the solutions
  one budget      each may sample as many tokens as bisection with k = 8 does for half of them

Methods: bisection with k = 8 as published; `agree` of it and a judge's three votes; `majority` of it and
two judges; `posterior`, the recipe `steplabel` with those two judges and 100 solutions labelled by hand (by
the oracle here: two judges that stumble together tell nothing of how far to trust them); the oracle. The
first is charged all eight rollouts of a prefix; in the others a probe ends at its first success.

A PRM is the policy with a new head: its two upper layers learn, what the lower two make of a solution is
computed once. It sees each labelled solution up to its first error; those set aside are left out. It names
the first step below a threshold, chosen for each PRM on problems of their own.

Time on two quiet cores: some 35 minutes of sampling with vLLM, 10 of held-out solutions, then 9 trainings
a seed (the oracle's is the same in both arms), each of 150 updates and about 25 seconds of a core.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import torch

from tests.benchmarks.prove import material, picture, tables
from tests.benchmarks.prove.prm import Plan
from tests.benchmarks.prove.trainings import Arms, World, done, left, whole
from tests.benchmarks.report import Row, report

SEEDS = 10
SECONDS = 25
"""About what one training and its scoring takes of a core."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=SEEDS, help="paired seeds")
    parser.add_argument("--threads", type=int, default=1, help="of torch: more wait for each other")
    parser.add_argument(
        "--done", action="store_true", help="train nothing: a table of the seeds that are whole"
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and end")
    parser.add_argument("--keep", type=Path, default=Path(".cache/prove"), help="folder of it all")
    options = parser.parse_args()
    if options.seeds < 2:
        parser.error("--seeds: one seed has no spread; 2 or more")
    torch.set_num_threads(options.threads)
    if options.dry_run and not material.is_there(options.keep, material.SIZES):
        print(
            f"To sample: {material.SAMPLES} solutions of each of {material.SIZES['train']} problems with a "
            f"panel's verdicts (some 40 minutes), {material.BEST_OF} of each of "
            f"{material.SIZES['dev'] + material.SIZES['test']} held-out ones (some 5). Then at most "
            f"{10 * options.seeds} trainings of about {SECONDS} s."
        )
        return
    world = _world(options.keep)
    cells = world.arms.jobs(range(options.seeds))
    all_of_them, missing = left(world, cells)
    print(
        f"{len(world.items)} solutions to train on, {len(world.dev)} to choose thresholds by, "
        f"{len(world.test)} held out; {all_of_them} trainings, {missing} of them to be done: about "
        f"{missing * SECONDS / 60:.0f} minutes"
    )
    if options.dry_run:
        return
    if options.done:
        cells = whole(world, cells)
    seeds = len({job.seed for job in cells})
    if seeds < 2:
        parser.error(f"--done: {seeds} of the seeds are whole, and one has no spread")
    results = tables.grouped(cells, done(world, cells))
    found = tables.verdict(results, world.arms, cells)
    rows: list[Row] = [
        *tables.of_material(world.items, world.arms.free["oracle"].named, world.test),
        *tables.of_labels(world.arms, cells),
        *tables.of_prms(results, world.test),
        *tables.of_verdict(found, seeds),
    ]
    print(f"drawn in {picture.draw(results, tables.labelled_shares(cells), world.test)}")
    path = report("prove", rows)
    print(f"written to {path.relative_to(Path.cwd())}")


def _world(folder: Path) -> World:
    items = material.to_train_on(folder, material.SIZES)
    dev, test = (material.held_out(folder, name, material.SIZES) for name in ("dev", "test"))
    return World(items, Arms.of(items), dev, test, Plan(), folder)


if __name__ == "__main__":
    main()
