#!/usr/bin/env bash
# Makes .libtorch/ in the repository root: the CPU half of libtorch 2.11.0, which tch 0.24 needs exactly.
#
# An installation of the user's wins: with LIBTORCH=DIR or LIBTORCH_USE_PYTORCH=1 set, .libtorch becomes a link to it.
# Otherwise the official Linux x86-64 wheel is fetched with pip (530 MB), verified, and only what is needed is unpacked.
set -euo pipefail
cd "$(dirname "$0")/.."

VERSION=2.11.0
HOME_DIR="$PWD/.libtorch"

if [ "${LIBTORCH_USE_PYTORCH:-0}" != 0 ]; then
    LIBTORCH=$(python3 -c 'import os, torch; print(os.path.dirname(torch.__file__))') ||
        { echo "setup: LIBTORCH_USE_PYTORCH is set, but python3 cannot import torch" >&2; exit 1; }
fi
if [ -n "${LIBTORCH:-}" ] && [ "$(realpath -m "$LIBTORCH")" != "$(realpath -m "$HOME_DIR")" ]; then
    [ -e "$LIBTORCH/lib/libtorch_cpu.so" ] ||
        { echo "setup: LIBTORCH=$LIBTORCH holds no lib/libtorch_cpu.so" >&2; exit 1; }
    if [ -L "$HOME_DIR" ] || [ ! -e "$HOME_DIR" ]; then
        ln -sfn "$(realpath "$LIBTORCH")" "$HOME_DIR"
        echo "setup: libtorch of the user's: .libtorch -> $LIBTORCH"
        exit 0
    fi
    echo "setup: LIBTORCH=$LIBTORCH is set, but .libtorch is a folder of an earlier setup; remove it first" >&2
    exit 1
fi
if [ "$(cat "$HOME_DIR/build-version" 2>/dev/null)" = "$VERSION" ] && [ -e "$HOME_DIR/lib/libtorch_cpu.so" ]; then
    exit 0
fi

case "$(uname -s)-$(uname -m)" in
Linux-x86_64) ;;
*)
    echo "setup: no tried libtorch download for $(uname -s) $(uname -m)." >&2
    echo "Install PyTorch $VERSION, then run with LIBTORCH=DIR or LIBTORCH_USE_PYTORCH=1." >&2
    exit 1
    ;;
esac
python3 -m pip --version >/dev/null 2>&1 ||
    { echo "setup: python3 with pip is needed (Debian: apt-get install python3-pip)" >&2; exit 1; }

# Built beside its final place and renamed at the end: a killed setup leaves nothing that looks finished.
STAGE="$PWD/.libtorch-stage-$$"
rm -rf "$PWD"/.libtorch-stage-*
trap 'rm -rf "$STAGE"' EXIT
mkdir -p "$STAGE/wheels" "$STAGE/root/lib"

fetch() { # requirement, SHA-256
    local before after
    python3 -m pip download -q --disable-pip-version-check --no-deps --only-binary=:all: --python-version 3.12 \
        --implementation cp --platform manylinux_2_28_x86_64 --platform manylinux_2_25_x86_64 \
        --platform manylinux_2_17_x86_64 --platform manylinux2014_x86_64 -d "$STAGE/wheels" "$1"
    before=$2
    after=$(sha256sum "$STAGE/wheels/"*.whl | cut -d' ' -f1)
    [ "$before" = "$after" ] ||
        { echo "setup: $1 has SHA-256 $after, expected $before" >&2; exit 1; }
}
unpack() { # the members to keep (prefixes); flattens nothing
    python3 - "$STAGE" "$@" <<'PY'
import glob, sys, zipfile
stage, prefixes = sys.argv[1], tuple(sys.argv[2:])
wheel, = glob.glob(stage + "/wheels/*.whl")
with zipfile.ZipFile(wheel) as z:
    for name in z.namelist():
        if name.startswith(prefixes):
            z.extract(name, stage + "/root")
PY
    rm "$STAGE"/wheels/*.whl
}

echo "setup: fetching libtorch $VERSION (530 MB, once)"
fetch "torch==$VERSION" 0f68f4ac6d95d12e896c3b7a912b5871619542ec54d3649cf48cc1edd4dd2756
unpack torch/include/ torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp.so.1
# libtorch_cpu.so of the CUDA build names these two; they are loaded, but need no GPU.
fetch nvidia-cuda-runtime==13.0.96 7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
unpack nvidia/cu13/lib/libcudart.so.13
fetch nvidia-cuda-cupti==13.0.85 4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8
unpack nvidia/cu13/lib/libcupti.so.13

ROOT="$STAGE/root"
ln -s torch/include "$ROOT/include"
for so in torch/lib/libtorch_cpu.so torch/lib/libc10.so torch/lib/libgomp.so.1 \
    nvidia/cu13/lib/libcudart.so.13 nvidia/cu13/lib/libcupti.so.13; do
    ln -s "../$so" "$ROOT/lib/$(basename "$so")"
done
ln -s libtorch_cpu.so "$ROOT/lib/libtorch.so"
echo "$VERSION" >"$ROOT/build-version"
rm -rf "$HOME_DIR"
mv "$ROOT" "$HOME_DIR"
echo "setup: libtorch $VERSION is in .libtorch"
