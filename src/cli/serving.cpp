#include "cli/serving.h"

#include <algorithm>
#include <atomic>
#include <cctype>
#include <exception>
#include <filesystem>
#include <optional>
#include <thread>

#include <fmt/format.h>

#include "app/key_file.h"
#include "app/settings.h"
#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "terminal/stop_signals.h"

namespace urial::cli {
namespace {

/// NAME=VALUE; without a name where the text before '=' is none, or the whole is a file.
struct Named {
    std::optional<std::string> name;
    std::string value;
};
Named parse_named(const std::string& text) {
    const std::size_t equals = text.find('=');
    std::error_code ignored;
    const bool is_name =
        equals != std::string::npos && equals > 0 && !fs::exists(text, ignored) &&
        std::all_of(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(equals),
                    [](unsigned char c) { return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.'; });
    if (!is_name) return {std::nullopt, text};
    return {text.substr(0, equals), text.substr(equals + 1)};
}

/// "gemma-3-270m" of an alias, a path or hf:owner/gemma-3-270m-GGUF:Q4_K_M.
std::string usual_name(const std::string& spec) {
    std::string name = spec;
    if (name.starts_with("hf:")) name = name.substr(3, name.find(':', 3) - 3);
    name = fs::path(name).filename().string();
    if (name.ends_with(".gguf")) name.resize(name.size() - std::string_view(".gguf").size());
    std::replace(name.begin(), name.end(), '@', '-');
    return name;
}

std::vector<serve::NamedModel> named_models(const ServeFlags& flags) {
    std::vector<serve::NamedModel> models;
    for (const std::string& text : flags.models) {
        Named named = parse_named(text);
        models.push_back({.name = named.name.value_or(usual_name(named.value)), .spec = named.value, .adapters = {}});
    }
    if (models.empty()) {
        models.push_back({.name = usual_name(flags.usual_model), .spec = flags.usual_model, .adapters = {}});
    }
    for (const std::string& text : flags.adapters) {
        const Named named = parse_named(text);
        if (!named.name && models.size() > 1) {
            throw error(ErrorKind::BadInput,
                        "--lora {}: there are several models; say which one gets it: --lora NAME={}", printable(text),
                        printable(text));
        }
        const auto model = std::find_if(models.begin(), models.end(), [&](const serve::NamedModel& each) {
            return !named.name || each.name == *named.name;
        });
        if (model == models.end()) {
            throw error(ErrorKind::BadInput, "--lora {}: no model is called {}", printable(text), *named.name);
        }
        model->adapters.push_back(named.value);
    }
    return models;
}

std::vector<std::string> read_keys(const std::string& file) {
    if (!file.empty()) return app::read_key_file(file);
    const std::optional<std::string> key = environment("URIAL_API_KEY");
    return key ? std::vector<std::string>{std::string(trim(*key))} : std::vector<std::string>();
}

void log_request(const terminal::Terminal& terminal, const serve::LogLine& line) {
    terminal.detail(fmt::format("{} {} {} {}: {} bytes in, {} out, {} ms{}", line.request_id, line.method, line.route,
                                line.status, line.request_bytes, line.response_bytes, line.time.count(),
                                line.failure.empty() ? "" : ", " + line.failure));
}

/// The folder that was named, or the usual one where it can be had.
void choose_data(const ServeFlags& flags, serve::ServeOptions& options) {
    if (!flags.keeps_data && !flags.data.empty()) {
        throw error(ErrorKind::BadInput, "--no-data keeps nothing: leave out --data, or that");
    }
    if (!flags.data.empty()) options.data = flags.data;
    if (!options.data.empty() || !flags.keeps_data) return;
    try {
        options.data = user_data_dir();
    } catch (const Error&) {  // there is no home
        if (options.needs_data) throw;
    }
}

}  // namespace

void add_serving_flags(CLI::App& command, ServeFlags& flags, Context& context) {
    serve::ServeOptions& options = flags.options;
    command.add_option("-m,--model", flags.models, "A model spec, or NAME=SPEC; several are served together")
        ->type_name("[NAME=]SPEC")
        ->check(suggest(app::model_names()))
        ->group("Model");
    command.add_option("--lora", flags.adapters, "A LoRA adapter, FILE or NAME=FILE[:SCALE] for the model NAME")
        ->type_name("[NAME=]FILE")
        ->group("Model");
    context.settings->bind("model", flags.usual_model);
    context.settings->bind("prompt", flags.usual_prompt);
    add_loading_flags(command, options.loading, context, "Model");
    command.add_option("-p,--prompt", flags.prompts, "A prompt to serve under; the first is the default [urial]")
        ->type_name("NAME|FILE");
    command.add_option("--parallel", options.parallel, "Answers of one model at the same time")
        ->check(CLI::Range(1, 128))
        ->capture_default_str();
    command.add_option("--context", options.context, "Tokens of one request, prompt and answer [4096, or training]")
        ->check(CLI::Range(64, 1 << 20));
    command
        .add_option("--cache-tokens", options.cache_tokens, "Tokens in the cache of one model, all requests together")
        ->check(CLI::Range(64, 1 << 24));
    command.add_flag("!--no-sharing", options.sharing, "Nothing that one request computed is used for another");
    command
        .add_option("--host", options.http.address,
                    "The address to listen at; another than this machine's own needs a key")
        ->capture_default_str()
        ->group("Network");
    command.add_option("--port", options.http.port, "0: any that is free")->capture_default_str()->group("Network");
    command
        .add_option("--api-key-file", flags.api_key_file,
                    "A file of keys, one a line, 32 characters at least [URIAL_API_KEY]")
        ->type_name("FILE")
        ->group("Network");
    command.add_option("--allowed-host", options.http.allowed_hosts, "A name by which clients may call this server")
        ->type_name("NAME[:PORT]")
        ->group("Network");
    command.add_option("--cors-origin", options.http.cors_origins, "Pages of this origin may use the server")
        ->type_name("ORIGIN")
        ->group("Network");
    command.add_flag("--metrics", options.metrics, "GET /metrics, in Prometheus' form")->group("Network");
    command
        .add_option("--data", flags.data, "The folder that keeps the page's conversations [that of the user's data]")
        ->type_name("DIR")
        ->group("Network");
    command.add_flag("!--no-data", flags.keeps_data, "Conversations are kept in memory alone")->group("Network");
}

void run_server(ServeFlags flags, Context& context,
                const std::function<void(const serve::Server& server, const std::string& url)>& on_address) {
    serve::ServeOptions& options = flags.options;
    options.models = named_models(flags);
    if (flags.prompts.empty()) flags.prompts.push_back(flags.usual_prompt);
    for (const std::string& prompt : flags.prompts) options.prompts.push_back({.prompt = prompt});
    options.http.api_keys = read_keys(flags.api_key_file);
    const terminal::Terminal& terminal = context.terminal;
    options.http.log = [&](const serve::LogLine& line) { log_request(terminal, line); };
    options.log = [&](std::string_view line) { terminal.detail(line); };
    options.warning = [&](std::string_view line) { terminal.warn(line); };
    choose_data(flags, options);
    const std::string host = options.http.address;

    std::atomic<serve::Server*> running = nullptr;
    terminal::StopSignals signals([&] {
        if (serve::Server* server = running) server->stop();
    });
    serve::Server server(std::move(options));
    running = &server;
    std::exception_ptr failure;
    std::thread http([&] {
        try {
            server.run();
        } catch (...) {
            failure = std::current_exception();
        }
    });
    try {
        app::Callbacks told = callbacks(context);
        told.cancelled = [&] { return signals.count() > 0; };
        server.load(told);
        const bool is_v6 = host.find(':') != std::string::npos;
        const std::string shown_host = is_v6 ? fmt::format("[{}]", host) : host;
        on_address(server, fmt::format("http://{}:{}", shown_host, server.port()));
    } catch (...) {
        server.stop();
        server.stop();
        http.join();
        throw;
    }
    http.join();
    if (failure) std::rethrow_exception(failure);
    context.terminal.note("stopped");
}

}  // namespace urial::cli
