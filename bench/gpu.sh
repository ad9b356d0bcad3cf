#!/usr/bin/env bash
# Proves and measures CUDA on a machine with a GPU: bash bench/gpu.sh [FOLDER OF WHEELS] [OPTION OF python -m bench gpu …]
#
# With a folder, nothing is downloaded: what is in it is installed, and what the machine's Python has besides is used. A
# wheel may lie there in parts (x.whl.00, x.whl.01, …) and is joined. MNIST_NPZ must then name a local mnist.npz.
# Without a folder, everything comes from the package index. It is meant to take under ten minutes; no GPU has run it yet.
set -euo pipefail
cd "$(dirname "$0")/.."
if [ -d "${1:-}" ]; then
    wheels=$1
    shift
    for first in "$wheels"/*.whl.00; do
        if [ -e "$first" ]; then cat "${first%.00}".?? >"${first%.00}" && rm "${first%.00}".??; fi
    done
    python=python3
    site=$(mktemp -d)
    "$python" -m pip install --quiet --no-index --no-deps --no-compile --target "$site" "$wheels"/*.whl
    export PYTHONPATH=$site
    # CUDA's libraries may be packages of that Python, which ONNX Runtime in another folder does not look for.
    libraries=$("$python" -c 'import sys, glob; print(":".join(sum([glob.glob(p + "/nvidia/*/lib") for p in sys.path], [])))')
    export LD_LIBRARY_PATH="$libraries:${LD_LIBRARY_PATH:-}"
else
    python3 -m venv .venv-gpu
    python=.venv-gpu/bin/python
    "$python" -m pip install --quiet --constraint constraints.txt --editable '.[cuda,bench]'
fi

export PYTHONPATH=${PYTHONPATH:+$PYTHONPATH:}$PWD PYTHONUNBUFFERED=1
SERVICE_DEVICE=cuda "$python" -m service.doctor
"$python" -m bench gpu "$@"
