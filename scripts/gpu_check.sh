#!/usr/bin/env bash
# gpu_check.sh OUT [BINARIES]: whether urial computes the same on a GPU as on the CPU, and how fast, in under ten minutes on
# a machine with 16 cores and no network. Results go to the folder OUT: a log of each step, summary.txt, figures.jsonl.
#
# BINARIES is a folder with urial, bench_random_model and bench_bare_generate of a build with a GPU backend, and their
# libraries in lib/ if need be (scripts/pack_for_gpu.sh); without it that build is the first step, in build-gpu, with
# GPU_CMAKE_ARGS, for CUDA_ARCHITECTURES (90) and from the sources in URIAL_SOURCE_CACHE if that is set. Models are of
# random weights: speed and agreement do not depend on them. Each step has a limit of its own, so that a slow one does not
# cost the others. On a machine without a GPU the steps run on the CPU with tiny models, which checks this script alone.
# GPU_CHECK_DEVICE names another device than CUDA0. For a software renderer, GPU_CHECK_TINY=TOKENS makes models tiny and
# answers short, and GPU_CHECK_PATIENCE=N multiplies the limits.
set -uo pipefail
set -m  # each step is a process group of its own, which can be ended whole
root=$(cd "$(dirname "$0")/.." && pwd)
[ $# -ge 1 ] || { sed -n '2,15s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1" && out=$(cd "$1" && pwd) || exit 2
binaries=${2:-}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
sources=${URIAL_SOURCE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/urial/sources}
export XDG_CACHE_HOME="$work/cache" XDG_CONFIG_HOME="$work/config" XDG_STATE_HOME="$work/state"
failed=0 started=$SECONDS
: >"$out/summary.txt"
: >"$out/figures.jsonl"

# step NAME LIMIT COMMAND...: runs a command or a function with a limit in seconds; its log is OUT/NAME.log.
step() {
    local name=$1 limit=$2 begin=$SECONDS result=ok status worker watch
    shift 2
    ("$@") >"$out/$name.log" 2>&1 </dev/null &
    worker=$!
    (sleep $((limit * ${GPU_CHECK_PATIENCE:-1})) && kill -- "-$worker") 2>/dev/null &
    watch=$!
    wait "$worker"
    status=$?
    kill -- "-$watch" 2>/dev/null
    wait "$watch" 2>/dev/null
    case $status in
        0) ;;
        143) result="took too long" ;;
        *) result="failed ($status), see $name.log" ;;
    esac
    [ "$status" -eq 0 ] || failed=$((failed + 1))
    printf '%-22s %4d s  %s\n' "$name" $((SECONDS - begin)) "$result" | tee -a "$out/summary.txt"
    return "$status"
}

# figure NAME COMMAND...: keeps the JSON object that the command prints last.
figure() {
    local name=$1 printed
    shift
    local status=0
    printed=$("$@") || status=$?  # figures of what does not agree are of interest too
    printf '%s\n' "$printed"
    printf '%s\n' "$printed" | python3 -c '
import json, sys
for line in [line for line in sys.stdin if line.startswith("{")][-1:]:
    print(json.dumps({"name": sys.argv[1], **json.loads(line)}))' "$name" >>"$out/figures.jsonl"
    return "$status"
}

machine() {
    uname -srm
    grep -m1 'model name' /proc/cpuinfo
    echo "$(nproc) cores"
    if command -v nvidia-smi; then nvidia-smi; fi
    if command -v nvcc; then nvcc --version; fi
    git -C "$root" log --oneline -1
}

build() {
    cmake --preset release -S "$root" -B "$binaries" -DURIAL_BUILD_TESTS=OFF -DGGML_CUDA=ON -DGGML_CUDA_NCCL=OFF \
        -DCMAKE_CUDA_ARCHITECTURES="${CUDA_ARCHITECTURES:-90}" -DURIAL_SOURCE_CACHE="$sources" ${GPU_CMAKE_ARGS:-} &&
        cmake --build "$binaries" -j "$(nproc)" --target urial bench_random_model bench_bare_generate
}

questions() {  # questions COUNT
    python3 - "$work" "$1" <<'PYTHON'
import json, random, sys
random.seed(1)
words = "why how what river engine colour theory music garden number letter bridge winter market".split()
for name, count in (("few", 20), ("some", 40), ("many", int(sys.argv[2]))):
    with open(f"{sys.argv[1]}/{name}.jsonl", "w") as file:
        for i in range(count):
            text = " ".join(random.choices(words, k=12))
            file.write(json.dumps({"id": i, "instruction": f"{i}: {text}?"}) + "\n")
PYTHON
}

model() { "$binaries/bench_random_model" "$@"; }

generate() {  # generate NAME MODEL INPUT FLAGS...
    local name=$1 file=$2 input=$3
    shift 3
    "$binaries/urial" generate --json -m "$work/$file" -p zero-shot -i "$work/$input.jsonl" -o "$work/$name.jsonl" --overwrite "$@"
}

shift_run() {  # shift_run NAME BASE ALIGNED INPUT-FLAGS...
    local name=$1 base=$2 aligned=$3
    shift 3
    "$binaries/urial" shift -v --base "$work/$base" --aligned "$work/$aligned" --aligned-prompt zero-shot -o "$work/$name" \
        --overwrite "$@"
}

# The manifest's seconds of a shift run as a figure.
shift_figure() {
    python3 - "$work/$1/manifest.json" <<'PYTHON'
import json, sys
manifest = json.load(open(sys.argv[1]))
seconds = manifest["seconds"]
print(json.dumps({"positions": manifest["positions"], "positions_per_s": round(manifest["positions"] / seconds["all"], 1),
                  "statistics_share": round(seconds["statistics"] / seconds["all"], 4), "seconds": seconds,
                  "arithmetic": manifest["identity"]["base"]["model"]["arithmetic"]}))
PYTHON
}

# The rate of the whole process beside that of the run without loading, which urial says itself.
generate_figure() {  # generate_figure NAME MODEL INPUT FLAGS...
    local begin end printed
    begin=$(date +%s.%N)
    printed=$(generate "$@") || return 1
    end=$(date +%s.%N)
    printf '%s\n' "$printed" | python3 -c '
import json, sys
run = json.loads([line for line in sys.stdin if line.startswith("{")][-1])
seconds = float(sys.argv[2]) - float(sys.argv[1])
print(json.dumps({"tokens": run["tokens"], "run_tokens_per_s": run["tokens_per_second"],
                  "process_tokens_per_s": round(run["tokens"] / seconds, 1)}))' "$begin" "$end"
}

# The same answers and ranks, first in F32, then quantised.
exactness() {  # exactness TYPE LEAST: the least share of equal ranks
    local type=$1 least=$2
    shift_run "cpu-$type" "base-$type.gguf" "aligned-$type.gguf" -i "$work/few.jsonl" --max-tokens "$exact_tokens" --device cpu &&
        shift_run "gpu-$type" "base-$type.gguf" "aligned-$type.gguf" --answers "$work/cpu-$type/records.jsonl" --device "$gpu" &&
        figure "ranks-$type" python3 "$root/bench/agreement.py" ranks "$work/cpu-$type" "$work/gpu-$type" --least "$least" ||
        return 1
    generate "cpu-$type" "base-$type.gguf" some --token-ids --max-tokens "$exact_tokens" --device cpu &&
        generate "gpu-$type" "base-$type.gguf" some --token-ids --max-tokens "$exact_tokens" --device "$gpu" &&
        figure "answers-$type" python3 "$root/bench/agreement.py" answers "$work/cpu-$type.jsonl" "$work/gpu-$type.jsonl"
}

refused() {  # refused TEXT COMMAND...: the command must fail, and say the text
    local text=$1 said
    shift
    said=$("$@" 2>&1 </dev/null) && { echo "not refused: $*"; return 1; }
    case $said in *"$text"*) echo "refused: $said" ;; *) echo "without '$text': $said"; return 1 ;; esac
}

refusals() {
    local chat=("$binaries/urial" chat -m "$work/base-f32.gguf" -p zero-shot --max-tokens 4)
    refused "no such device" "${chat[@]}" --device nosuch0 hello &&
        refused "contradict each other" "${chat[@]}" --device cpu --gpu-layers 3 hello &&
        refused "it is the CPU's" "${chat[@]}" --device "$gpu" --arithmetic precise hello &&
        refused "use a smaller --context" "${chat[@]}" --context 900000000
}

figures_of() {  # figures_of MODEL
    local model=$1
    figure "bare-$model" "$binaries/bench_bare_generate" "$work/$model.gguf" --width "$width" --tokens "$tokens" --prefix 100 --rows 96 &&
        figure "generate-$model" generate_figure "speed-$model" "$model.gguf" many --parallel "$width" --max-tokens "$tokens" --device "$gpu"
}

# forced NAME BASE ALIGNED ANSWERS COUNT LENGTH VOCABULARY FLAGS...: answers of made-up tokens, for which a forced pass
# takes as long as for others.
forced() {
    local name=$1 base=$2 aligned=$3 answers=$4
    python3 - "$work/$answers.jsonl" "$5" "$6" "$7" <<'PYTHON'
import json, random, sys
random.seed(2)
with open(sys.argv[1], "w") as file:
    for i in range(int(sys.argv[2])):
        ids = [random.randrange(259, int(sys.argv[4])) for _ in range(int(sys.argv[3]))]
        file.write(json.dumps({"id": i, "instruction": f"question {i}", "answer_ids": ids}) + "\n")
PYTHON
    shift 7
    shift_run "$name" "$base" "$aligned" --answers "$work/$answers.jsonl" --device "$gpu" "$@" &&
        figure "$name" shift_figure "$name"
}

pair() {  # pair TYPE: a base model, and an aligned one that is near
    model "$work/base-$1.gguf" --shape "$exact_shape" --type "$1" &&
        model "$work/aligned-$1.gguf" --shape "$exact_shape" --type "$1" --nudge 0.1
}

large_models() {
    model "$work/large.gguf" --shape "$large_shape" --type "$large_type" && ln -f "$work/large.gguf" "$work/large-aligned.gguf"
}

gpu=${GPU_CHECK_DEVICE:-CUDA0} exact_shape=270m large_shape=8b large_type=bf16
small_vocabulary=262144 large_vocabulary=128256 exact_tokens=60 many=512 width=64 tokens=128 forced_tokens=200
if [ -z "${GPU_CHECK_DEVICE:-}" ] && ! nvidia-smi -L >/dev/null 2>&1; then
    echo "no GPU here: the steps run on the CPU with tiny models" | tee -a "$out/summary.txt"
    gpu=cpu
fi
if [ "$gpu" = cpu ] || [ -n "${GPU_CHECK_TINY:-}" ]; then
    exact_shape=tiny large_shape=tiny small_vocabulary=1024 large_vocabulary=1024 many=32 width=16
    exact_tokens=${GPU_CHECK_TINY:-20} tokens=${GPU_CHECK_TINY:-20} forced_tokens=${GPU_CHECK_TINY:-20}
fi

step machine 30 machine
if [ -z "$binaries" ]; then
    binaries=$root/build-gpu
    step build 380 build || { echo "without a build there is nothing more to do"; exit 1; }
fi
binaries=$(cd "$binaries" && pwd) || exit 2
toolkit=$(command -v nvcc) && toolkit=$(dirname "$toolkit")/../lib64
export LD_LIBRARY_PATH="$binaries/lib:$toolkit${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
case $gpu in CUDA*) export CUDA_VISIBLE_DEVICES=${gpu#CUDA} && gpu=CUDA0 ;; esac  # the bare engine takes all that it sees

step questions 20 questions "$many"
for type in f32 q4_K; do
    step "models-$type" 90 pair "$type"
done
step exactness-f32 150 exactness f32 0.994
case $gpu in CUDA* | cpu) quantised_least=0.994 ;; *) quantised_least=0.9 ;; esac  # others round to 8 bits
step exactness-q4_K 120 exactness q4_K "$quantised_least"
[ "$gpu" = cpu ] || step refusals 60 refusals
step small-generate 60 figures_of base-q4_K
step small-forced 60 forced small-forced base-q4_K.gguf aligned-q4_K.gguf small-answers 40 "$forced_tokens" "$small_vocabulary"
step large-models 150 large_models
step large-generate 120 figures_of large
step large-forced 90 forced large-forced large.gguf large-aligned.gguf large-answers 40 "$forced_tokens" "$large_vocabulary" --arithmetic engine
[ "$gpu" = cpu ] || step large-forced-f32 90 forced large-forced-f32 large.gguf large-aligned.gguf large-answers 10 "$forced_tokens" "$large_vocabulary"
{
    echo "$failed of the steps failed; $((SECONDS - started)) s"
    cat "$out/figures.jsonl"
} | tee -a "$out/summary.txt"
[ "$failed" -eq 0 ]
