#!/usr/bin/env bash
# run_tests.sh all|check|unit|model|browser|readme|asan|tsan: builds what the tests need and runs them. `make test` calls it
# with all, and so does CI (tsan is not in it: it builds most parts once more). Ends with one line, "N passed, M failed, K skipped".
set -uo pipefail
cd "$(dirname "$0")/.."
what=${1:-all}
jobs=$(nproc 2>/dev/null || echo 2)
log=$(mktemp)
trap 'rm -f "$log"' EXIT
passed=0 failed=0 skipped=0

step() { printf '\n== %s\n' "$*"; }

# count RESULT NAME: books one check.
count() {
    if [ "$1" -eq 0 ]; then
        passed=$((passed + 1))
        echo "ok: $2"
    else
        failed=$((failed + 1))
        echo "FAILED: $2"
    fi
}

configure() { cmake --preset "$1" "${@:2}" >"$log" 2>&1 || { cat "$log"; exit 1; }; }

# ctest_in FOLDER ARGS...: runs CTest and books every test it ran.
ctest_in() {
    ctest --output-on-failure --no-tests=error -j "$jobs" --test-dir "$@" 2>&1 | tee "$log"
    local total not_run bad
    total=$(sed -n 's/.*tests passed, [0-9]* tests failed out of \([0-9]*\).*/\1/p' "$log" | tail -1)
    bad=$(sed -n 's/.*tests passed, \([0-9]*\) tests failed out of [0-9]*.*/\1/p' "$log" | tail -1)
    not_run=$(grep -c '\*\*\*Skipped' "$log")
    if [ -z "$total" ]; then
        failed=$((failed + 1))
        echo "FAILED: CTest ran no test"
        return
    fi
    passed=$((passed + total - bad - not_run))
    failed=$((failed + bad))
    skipped=$((skipped + not_run))
}

run_check() {
    step "format and layers"
    git ls-files '*.cpp' '*.h' | xargs clang-format --dry-run --Werror
    count $? "clang-format"
    python3 tests/check_layers.py
    count $? "layers"
}

# With the headers that the last build found; clang comes with `make test-deps`.
run_locks() {
    step "locks"
    scripts/check_locks.py
    local status=$?
    if [ $status -eq 77 ]; then skipped=$((skipped + 1)); else count $status "locks"; fi
}

# build_release TARGETS...
build_release() {
    step "build (warnings are errors)"
    configure release -DURIAL_WARNINGS_AS_ERRORS=ON
    cmake --build build --target "$@" -j "$jobs" || exit 1
}

run_unit() { step "unit tests"; ctest_in build -L unit; }

# The default model, from the cache or the network. Without it the tests that need it fail.
fetch_model() { build/urial pull gemma-3-270m >/dev/null || echo "the default model could not be fetched"; }

run_model() {
    step "model tests"
    fetch_model
    URIAL_REQUIRE_MODEL=1 ctest_in build -L model -j 1
}

# run_shown LABELS: what README.md and docs/ show (readme), the reports and the page in Chromium (browser).
run_shown() {
    step "what is shown: $1"
    if [[ $1 == *browser* ]]; then
        if command -v node >/dev/null && command -v npm >/dev/null; then
            (cd web && npm ci --silent --no-progress) || echo "npm ci failed: the browser tests are skipped"
        else
            echo "Skipped: no Node.js with npm (scripts/install_dependencies.sh test)"
            skipped=$((skipped + 1))
            if [ "$1" = browser ]; then return; fi
        fi
    fi
    fetch_model
    URIAL_REQUIRE_MODEL=1 ctest_in build -L "$1"
}

# Suites of sources that look at no process of their own (its memory, stack or signals): they may share one, which saves
# starting a process with sanitizers for each test.
shared_suites() {
    sed -nE 's/^TEST(_F)?\((\w+),.*/\2/p' tests/{shift,eval,report,terminal,retrieve,prompt,store,experiment}/*.cpp | sort -u |
        grep -vxFf <(sed -nE 's/^(TEST(_[FP])?|TYPED_TEST)\((\w+),.*/\3/p' \
            tests/{base,http,models,engine,logits,generate,remote,app,serve,cli,fuzz}/*.cpp 2>/dev/null)
}

# run_shared BINARY SUITES: the tests of these suites in one process a core. Books every test; a process that ends with an
# error (a leak, a crash) fails even where all its tests passed.
run_shared() {
    local filter shard output status pids=() ran=0
    filter=$(sed 's/$/.*/' <<<"$2" | paste -sd:)
    output=$(mktemp -d)
    for ((shard = 0; shard < jobs; ++shard)); do
        GTEST_TOTAL_SHARDS=$jobs GTEST_SHARD_INDEX=$shard "$1" --gtest_filter="$filter" --gtest_brief=1 \
            >"$output/$shard" 2>&1 &
        pids+=($!)
    done
    for ((shard = 0; shard < jobs; ++shard)); do
        status=0
        wait "${pids[shard]}" || status=$?
        local ok bad not_run
        ok=$(sed -nE 's/^\[  PASSED  \] ([0-9]+) tests?\.$/\1/p' "$output/$shard")
        bad=$(grep -cE '^\[  FAILED  \] .*\([0-9]+ ms\)$' "$output/$shard")
        not_run=$(sed -nE 's/^\[  SKIPPED \] ([0-9]+) tests?\.$/\1/p' "$output/$shard")
        if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
        if [ "$status" -ne 0 ] || [ -n "$not_run" ]; then cat "$output/$shard"; fi
        passed=$((passed + ${ok:-0}))
        failed=$((failed + bad))
        skipped=$((skipped + ${not_run:-0}))
        ran=$((ran + ${ok:-0} + bad))
    done
    rm -r "$output"
    if [ "$ran" -eq 0 ]; then count 1 "tests in shared processes: none ran"; fi
    echo "$ran tests ran in $jobs shared processes"
}

run_asan() {
    step "unit tests under ASan and UBSan"
    local engine=  # the release build's, as it carries no sanitizers here either
    if [ -f build/llama/targets.cmake ] && [ -f build/llama/src/libllama.a ]; then engine=$PWD/build; fi
    # The parts are to be watched, not what tests them: with `all` the tests have just been compiled.
    local tests=
    if [ "$what" = all ]; then tests=$PWD/build; fi
    # GCC 12's sanitizers make it warn of its own library
    configure asan -DURIAL_WARNINGS_AS_ERRORS=OFF -DURIAL_ENGINE_BUILD="$engine" -DURIAL_TEST_OBJECTS="$tests"
    cmake --build build-asan --target urial_unit_tests -j "$jobs" || exit 1
    export UBSAN_OPTIONS=halt_on_error=1:print_stacktrace=1
    export URIAL_MIXED_LOAD_SECONDS=20  # make test-tsan: two minutes
    local suites
    suites=$(shared_suites)
    run_shared build-asan/urial_unit_tests "$suites"
    # Left to the release build: they start the program for every command, or read its help; what the commands call has
    # tests of its own.
    local left=$'CommandLine\nCompletionTest\nJudgeCommands\nEvalCommands'
    ctest_in build-asan -L unit -E "^($(paste -sd'|' <<<"$suites"$'\n'"$left"))\\."
}

run_tsan() {
    step "the server's tests under ThreadSanitizer"
    configure tsan
    cmake --build build-tsan --target urial_serve_tests -j "$jobs" || exit 1
    export TSAN_OPTIONS=halt_on_error=0:second_deadlock_stack=1 URIAL_MIXED_LOAD_SECONDS=120
    local suites
    suites=$(sed -nE 's/^TEST\((\w+),.*/\1/p' tests/serve/*.cpp tests/generate/worker_test.cpp | sort -u)
    run_shared build-tsan/urial_serve_tests "$suites"$'\nSharing/*'
}

case $what in
    all) run_check; build_release all; run_locks; run_unit; run_model; run_shown "readme|browser"; run_asan ;;
    check) run_check; run_locks ;;
    unit) build_release urial urial_unit_tests; run_unit ;;
    model) build_release urial urial_model_tests; run_model ;;
    browser) build_release urial; run_shown browser ;;
    readme) build_release urial; run_shown readme ;;
    asan) run_asan ;;
    tsan) run_tsan ;;
    *) echo "usage: run_tests.sh all|check|unit|model|browser|readme|asan|tsan" >&2; exit 2 ;;
esac

echo
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" -eq 0 ]
