#!/usr/bin/env bash
# Makes .venv, with the exact versions of requirements.lock and this project in it. `make setup`
# calls it; so does everything else that needs the environment. When nothing has changed since the
# last time it ends at once. A set-up that was cut off is thrown away and begun again.
#
#   PYTHON=python3.12 make setup     with this Python
#   VENV=/elsewhere/venv make setup  in another place
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${VENV:-.venv}
stamp=$venv/.setup-done          # holds the key of the set-up that was finished
unfinished=$venv/.setup-unfinished
log=$venv/setup.log

# What is imported at the end of the set-up is compiled then, once, and not by every process anew.
unset PYTHONDONTWRITEBYTECODE

key=$(cat pyproject.toml requirements.lock .ci/setup.sh | sha256sum | cut -c1-32)
done_already() { [ -x "$venv/bin/python" ] && [ "$(cat "$stamp" 2>/dev/null)" = "$key $PWD" ]; }
if done_already; then exit 0; fi

say() { printf '%s\n' "$*" >&2; }
stop() {
    say "setup: $1"
    shift
    for line in "$@"; do say "    $line"; done
    exit 1
}

# --- What the machine must have ----------------------------------------------------------------
[ "$(uname -s)-$(uname -m)" = Linux-x86_64 ] ||
    stop "this is $(uname -s) on $(uname -m), and vLLM's CPU build runs on Linux x86-64 only." \
         "On another machine with a GPU: pip install -e '.[vllm,train,dev]'"
grep -qw avx2 /proc/cpuinfo ||
    stop "this CPU has no AVX2, which vLLM's CPU build needs." \
         "Use another machine, or an OpenAI-compatible server: pip install -e ."
has_libnuma() {
    local libraries
    libraries=$(PATH=$PATH:/sbin:/usr/sbin ldconfig -p 2>/dev/null || true)
    [ -z "$libraries" ] || [ "${libraries#*libnuma.so.1}" != "$libraries" ]
}
if ! has_libnuma; then
    say "setup: the system library libnuma.so.1 is missing; trying to install it"
    make --no-print-directory system-packages >&2 || true
    has_libnuma ||
        stop "the system library libnuma.so.1 is missing; vLLM's CPU build loads it." \
             "Debian, Ubuntu:  apt-get install libnuma1" "Fedora:          dnf install numactl-libs"
fi
if ! [ -x "$venv/bin/python" ] || [ -e "$unfinished" ]; then
    place=$(dirname "$venv")
    free_gb=$(($(df -Pk "$place" | awk 'NR==2 {print $4}') / 1048576))
    [ "$free_gb" -ge "${MIN_FREE_GB:-8}" ] ||
        stop "$free_gb GB free in $(realpath "$place"); the environment and pip's cache need 8." \
             "Free some space, or put the environment elsewhere: VENV=/big/disk/venv make setup"
fi

# A usable Python: 3.11 to 3.13, with venv and pip. Prints what was wrong with each tried, if none.
find_python() {
    local candidate reasons=()
    for candidate in ${PYTHON:-python3 python3.12 python3.11 python3.13}; do
        if ! "$candidate" -c '' 2>/dev/null; then
            reasons+=("$candidate: not found")
        elif ! "$candidate" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))'; then
            reasons+=("$candidate: $("$candidate" -V 2>&1) is not 3.11, 3.12 or 3.13")
        elif ! "$candidate" -c 'import ensurepip, venv' 2>/dev/null; then
            reasons+=("$candidate: has no venv (Debian, Ubuntu:  apt-get install $(basename "$candidate")-venv)")
        else
            command -v "$candidate"
            return
        fi
    done
    stop "no usable Python." "${reasons[@]}" \
         "Debian 12, Ubuntu 24.04:  apt-get install python3 python3-venv" \
         "without root, with uv:    uv python install 3.12 && PYTHON=\$(uv python find 3.12) make setup"
}

# --- One set-up at a time ------------------------------------------------------------------------
exec 9<pyproject.toml
if command -v flock >/dev/null && ! flock -n 9; then
    say "setup: another one is under way; waiting for it"
    flock 9
fi
if done_already; then exit 0; fi

# --- The environment -----------------------------------------------------------------------------
started=$SECONDS
if [ -e "$unfinished" ]; then
    say "setup: the last one was cut off; beginning again"
    rm -rf "$venv"
fi
fresh=no
if ! [ -x "$venv/bin/python" ]; then
    fresh=yes
    python=$(find_python)
    say "setup: making $venv with $("$python" -V) ($python); a minute or more, once"
    mkdir -p "$venv"
    touch "$unfinished"
    "$python" -m venv "$venv"
else
    say "setup: bringing $venv up to date"
    # Removed only when the set-up ends well, so that a kill from here on is noticed. An environment
    # of your own making is never thrown away for that.
    if [ -e "$stamp" ]; then touch "$unfinished"; fi
fi
rm -f "$stamp"
: > "$log"

pip() { "$venv/bin/python" -m pip --disable-pip-version-check "$@" >>"$log" 2>&1; }
failed() {
    tail -n 15 "$log" >&2
    stop "$1 (the whole log: $log)" "${@:2}"
}
torch=$(grep '^torch==' requirements.lock)

# uv installs some hundred packages in the time that pip takes for a few. What pip was told of mirrors it is
# told too; where it gets nowhere, pip goes on.
pip_says() {
    "$venv/bin/python" -m pip config get "global.$1" 2>/dev/null ||
        "$venv/bin/python" -m pip config get ":env:.$1" 2>/dev/null || true
}
uv() {
    local index more links
    index=$(pip_says index-url) more=$(pip_says extra-index-url) links=$(pip_says find-links)
    (
        [ -z "$index" ] || export UV_DEFAULT_INDEX="$index"
        [ -z "$more" ] || export UV_INDEX="$(echo $more)"
        [ -z "$links" ] || export UV_FIND_LINKS="$(echo $links | tr ' ' ',')"
        # every index counts alike, as for pip; the lock names each version
        "$venv/bin/uv" pip "$@" --python "$venv/bin/python" --index-strategy unsafe-best-match
    ) >>"$log" 2>&1
}
pip install --quiet --no-deps "$(grep '^uv==' requirements.lock)" ||
    failed "pip can't fetch packages." "Is there a network, or a proxy to be set (HTTPS_PROXY)?"

# torch first, its CPU build: what is found under its plain name elsewhere is a CUDA build of some
# gigabytes. pip finds the CPU build where it is told of it (find-links, a mirror); if not, uv knows
# its index.
say "setup: torch (CPU build)"
pip install --quiet --no-compile --no-deps "$torch" ||
    uv install --no-deps --torch-backend cpu "$torch" ||
    failed "no CPU build of $torch for $("$venv/bin/python" -V)." \
           "Try another Python:  rm -rf $venv; PYTHON=python3.11 make setup"

# The lock is complete, so nothing is resolved: what it leaves out on purpose stays out.
say "setup: $(grep -c '==' requirements.lock) packages of requirements.lock"
uv install --quiet --no-deps -r requirements.lock ||
    pip install --quiet --no-compile --no-deps -r requirements.lock ||
    failed "the packages of requirements.lock were not installed." \
           "Is there a network, or a proxy to be set (HTTPS_PROXY)?"
if [ "$fresh" = no ]; then
    pip uninstall --quiet --yes torchvision torchaudio torchcodec || true # absent is what we want
fi
say "setup: steplabel"
pip install --quiet --no-deps --no-build-isolation -e . || failed "steplabel itself was not installed."

# --- Does it work? -------------------------------------------------------------------------------
"$venv/bin/python" - >>"$log" 2>&1 <<'PY' || failed "the environment was installed, but does not work."
import datasets, prefect, torch, vllm
from transformers import LlamaForCausalLM
assert torch.version.cuda is None, f"torch {torch.__version__} is a CUDA build"
PY
printf '%s\n' "$key $PWD" > "$stamp.new"
mv "$stamp.new" "$stamp"
rm -f "$unfinished"
say "setup: done in $((SECONDS - started)) s"
