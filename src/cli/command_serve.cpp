// `urial serve`: models behind an OpenAI-compatible interface, until it is told to stop.

#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/serving.h"

namespace urial::cli {
namespace {

void announce(const serve::Server& server, const std::string& url, const Context& context) {
    if (context.json) {
        fmt::print("{}\n", json_text({{"url", url}, {"models", server.names()}}));
    } else {
        fmt::print("{}\n", url);
    }
    std::fflush(stdout);
    context.terminal.note(fmt::format("serving {} at {}/v1; Ctrl-C stops", server.names().front(), url));
}

}  // namespace

void add_serve_command(CLI::App& app, Context& context) {
    auto flags = std::make_shared<ServeFlags>();
    CLI::App* command = app.add_subcommand("serve", "Serve models over an OpenAI-compatible interface");
    command->footer(examples({
        {"A base model that answers at http://127.0.0.1:8080/v1", "urial serve -m gemma-3-270m"},
        {"Two names for one set of weights", "urial serve -m base=gemma-3-270m -m tuned=base --lora tuned=lora.gguf"},
        {"Two prompts to choose from", "urial serve -m model.gguf -p urial -p my-prompt.toml --port 8000"},
    }));
    add_serving_flags(*command, *flags, context);
    command->callback([flags, &context] {
        flags->options.needs_data = !flags->data.empty();
        run_server(*flags, context,
                   [&context](const serve::Server& server, const std::string& url) { announce(server, url, context); });
    });
}

}  // namespace urial::cli
