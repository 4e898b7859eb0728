# The commands of the project. CMake does the work; `make help` lists what there is.
# CMAKE_ARGS passes options through, for example: make build CMAKE_ARGS="-DURIAL_CPU=portable"

BUILD ?= build
JOBS ?= $(shell nproc 2>/dev/null || sysctl -n hw.ncpu 2>/dev/null || echo 2)
CMAKE_ARGS ?=

.PHONY: help deps test-deps build demo test test-unit test-model test-browser test-readme test-asan test-tsan integration bench web format check clean

help:  ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-11s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

deps:  ## install the Debian packages that are missing (or say which command does)
	@scripts/install_dependencies.sh

test-deps:
	@scripts/install_dependencies.sh test

build: deps  ## build the tool: build/urial
	@cmake --preset release $(CMAKE_ARGS) > $(BUILD).log 2>&1 || { cat $(BUILD).log; exit 1; }
	@rm -f $(BUILD).log
	cmake --build $(BUILD) --target urial -j $(JOBS)

demo: build  ## fetch a base model, see it answer with and without the prompt, and what alignment changes
	@scripts/demo.sh $(BUILD)/urial

test: test-deps  ## every test, as CI runs them
	@scripts/run_tests.sh all

test-unit: deps  ## the unit tests alone (seconds, no model)
	@scripts/run_tests.sh unit

test-model: deps  ## the tests that need the default model
	@scripts/run_tests.sh model

test-browser: test-deps  ## the HTML report in Chromium
	@scripts/run_tests.sh browser

test-readme: deps  ## the commands that README.md and docs/ show
	@scripts/run_tests.sh readme

test-asan: deps  ## the unit tests under AddressSanitizer and UndefinedBehaviorSanitizer
	@scripts/run_tests.sh asan

test-tsan: deps  ## the server's tests under ThreadSanitizer (not part of `make test`)
	@scripts/run_tests.sh tsan

integration: build  ## checks against real vLLM and llama-server (tests/integration/run.py says what they need)
	@python3 tests/integration/run.py $(BUILD)/urial $(BUILD)/integration || [ $$? = 77 ]

check:  ## formatting, layering, locks
	@scripts/run_tests.sh check

bench: build  ## build the benchmarks and say how to run them (docs/benchmarks.md)
	cmake --build $(BUILD) --target bench_programs -j $(JOBS)
	@echo "Benchmarks are in $(BUILD); docs/benchmarks.md gives the command of each."

web:  ## rebuild web/dist, the page that is compiled into the tool (needs Node.js)
	cd web && npm ci --silent && npm run --silent build

format:  ## format the sources in place
	clang-format -i $$(git ls-files '*.cpp' '*.h')

clean:  ## remove what was built (downloads and models stay in the cache)
	rm -rf build build-dev build-asan build-tsan
