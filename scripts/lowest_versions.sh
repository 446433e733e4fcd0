#!/usr/bin/env bash
# Do the lowest versions that pyproject.toml lets in work? Installs them in an environment of their own, and runs the commands.
#   scripts/lowest_versions.sh FOLDER        PIP_ARGS is passed to pip install, UV names the program uv
# torch alone is that of constraints/dev.txt: its oldest release brings gigabytes of CUDA on Linux.
# Everything is kept in FOLDER: environment, versions (lowest.txt), runs and what they printed.
set -euo pipefail
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# = 1 ] || { echo "usage: scripts/lowest_versions.sh FOLDER" >&2; exit 2; }
mkdir -p "$1"
folder=$(cd "$1" && pwd)
uv=${UV:-uv}

python3 -m venv "$folder/venv"
python=$folder/venv/bin/python
# uv does not read pip's configuration: the index that pip uses is told.
if [ -z "${UV_DEFAULT_INDEX:-}" ]; then
  index=$("$python" -m pip config get :env:.index-url 2>/dev/null || "$python" -m pip config get global.index-url 2>/dev/null || true)
  if [ -n "$index" ]; then export UV_DEFAULT_INDEX=$index; fi
fi

grep '^torch==' "$root/constraints/dev.txt" >"$folder/override.txt"
"$uv" pip compile --quiet --resolution lowest-direct --python "$python" --no-header --no-annotate \
  --override "$folder/override.txt" --extra cpu --extra bundled --output-file "$folder/lowest.txt" "$root/pyproject.toml"
# Without torch and its CUDA packages, which the list has for any torch: pip takes what the torch that it finds asks for.
grep -vE '^(torch|triton|nvidia-.*|cuda-.*)==' "$folder/lowest.txt" >"$folder/others.txt"
"$uv" pip install --quiet --no-deps --python "$python" -r "$folder/others.txt"
# shellcheck disable=SC2086  (PIP_ARGS is a list of words)
"$python" -m pip install --quiet -c "$folder/lowest.txt" ${PIP_ARGS:-} "$root[cpu,bundled]"

cd "$folder"
run() { # run NAME TASK WORDS...
  local name=$1
  shift
  if venv/bin/relsym "$@" >"$name.log" 2>&1; then echo "$name: ended well"; else
    echo "$name: failed"
    tail -n 20 "$name.log"
    exit 1
  fi
}
small=(model=tiny training.max_steps=1 data.samples=28 data.test_pairs=28)
run train train "${small[@]}" hydra.run.dir=train
run finetune train "${small[@]}" objective=finetune tracking=csv hydra.run.dir=finetune
run bundled train objective=knn_learnt training.max_steps=1 data.samples=28 data.test_pairs=28 tracking=csv hydra.run.dir=bundled
run evaluate evaluate model=run model.folder=train data.test_pairs=28 validation_pairs=0 tracking=csv hydra.run.dir=evaluate
run build build benchmark=contrast hydra.run.dir=benchmark
run built train "${small[@]}" data=built data.folder=benchmark tracking=csv hydra.run.dir=built
run export export hydra.run.dir=export
run sweep train -m "${small[@]}" tracking=csv seed=0,1 hydra.sweep.dir=sweep
run fixed_label train "${small[@]}" objective=fixed_label tracking=csv hydra.run.dir=fixed_label
printf 'A borders B.\nB is a child of A.\n' >statements.txt
for kind in flat ivf hnsw; do
  run "index_$kind" index build texts=statements.txt output="index_$kind" model.folder=fixed_label index.kind="$kind"
  run "query_$kind" index query folder="index_$kind" -- 'B borders A.'
done
run report report inputs=train,finetune,bundled,evaluate,sweep hydra.run.dir=report
