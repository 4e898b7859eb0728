#include "engine/backend.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <utility>

#include <llama.h>

#include "base/mutex.h"
#include "base/text.h"
#include "engine/engine.h"

namespace urial::engine {
namespace {

struct LogState {
    Mutex mutex;  // the engine logs from any thread
    std::function<void(LogLevel, std::string_view)> sink GUARDED_BY(mutex);
    std::string last_error GUARDED_BY(mutex);
};

LogState& log_state() {
    static LogState state;
    return state;
}

void on_engine_log(ggml_log_level level, const char* text, void*) {
    LogState& state = log_state();
    const MutexLock lock(state.mutex);
    // The reason comes first; this line only closes the matter.
    const bool is_summary = std::string_view(text).find("failed to load model") != std::string_view::npos;
    if (level == GGML_LOG_LEVEL_ERROR && !(is_summary && !state.last_error.empty())) state.last_error = text;
    if (!state.sink) return;
    switch (level) {
        case GGML_LOG_LEVEL_ERROR: state.sink(LogLevel::Error, text); break;
        case GGML_LOG_LEVEL_WARN: state.sink(LogLevel::Warning, text); break;
        case GGML_LOG_LEVEL_INFO: state.sink(LogLevel::Info, text); break;
        default: state.sink(LogLevel::Debug, text); break;
    }
}

/// Instead of the engine's own report, which starts a debugger where one is installed.
void on_engine_abort(const char* message) {
    std::string_view text = message;  // "/folder/of/the/build/ggml.c:123: GGML_ASSERT(...) failed"
    const std::size_t place_end = text.find(": ");
    const std::size_t folder_end = text.substr(0, place_end).rfind('/');
    if (folder_end != std::string_view::npos) text.remove_prefix(folder_end + 1);
    LogState& state = log_state();
    const MutexLock lock(state.mutex);
    if (state.sink) state.sink(LogLevel::Fatal, text);
}

/// "AVX AVX2 FMA ..." from the engine's "CPU : AVX = 1 | AVX2 = 1 | OPENMP = 1 | ".
std::string cpu_features() {
    std::string features;
    std::string_view text = llama_print_system_info();
    text.remove_prefix(std::min(text.size(), text.find(':') + 1));
    for (const std::string_view entry : split(text, '|')) {
        const std::size_t equals = entry.find('=');
        if (equals == std::string_view::npos || trim(entry.substr(equals + 1)) != "1") continue;
        if (!features.empty()) features += ' ';
        features += trim(entry.substr(0, equals));
    }
    return features;
}

}  // namespace

std::string last_engine_error() {
    LogState& state = log_state();
    const MutexLock lock(state.mutex);
    std::string text = std::exchange(state.last_error, {});
    while (!text.empty() && text.back() == '\n') text.pop_back();
    return text.empty() ? "the engine gave no reason" : text;
}

void start_backend() {
    static const bool started = [] {
        llama_log_set(on_engine_log, nullptr);
        ggml_set_abort_callback(on_engine_abort);
#ifdef URIAL_ENGINE_KEEPS_F32
        // cuBLAS rounds the numbers of F32 products to 10 bits, as llama.cpp asks, unless this says no.
        setenv("NVIDIA_TF32_OVERRIDE", "0", /*overwrite=*/0);
#endif
        llama_backend_init();
        return true;
    }();
    (void)started;
}

bool build_has_gpu() {
    start_backend();
    constexpr std::array<std::string_view, 3> kOfTheCpu{"CPU", "BLAS", "RPC"};
    for (std::size_t i = 0; i < ggml_backend_reg_count(); ++i) {
        const std::string_view name = ggml_backend_reg_name(ggml_backend_reg_get(i));
        if (std::ranges::find(kOfTheCpu, name) == kOfTheCpu.end()) return true;
    }
    return false;
}

EngineBuild engine_build() {
    static const std::string features = cpu_features();  // the engine writes its text anew for each who asks
    return {llama_version(), URIAL_ENGINE_ORIGIN, features};
}

void set_engine_log(std::function<void(LogLevel, std::string_view)> sink) {
    LogState& state = log_state();
    {
        const MutexLock lock(state.mutex);
        state.sink = std::move(sink);
    }
    llama_log_set(on_engine_log, nullptr);
}

}  // namespace urial::engine
