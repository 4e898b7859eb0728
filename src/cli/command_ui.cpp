// `urial ui`: the page of a model, in the browser.

#include <cstdio>
#include <memory>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "cli/commands.h"
#include "cli/serving.h"
#include "terminal/browser.h"

namespace urial::cli {
namespace {

constexpr int kPorts = 20;  // that are tried, from the usual one on

void open_page(const std::string& url, bool opens, const Context& context) {
    fmt::print("{}\n", context.json ? json_text({{"url", url}}) : url);
    std::fflush(stdout);
    const bool is_open = opens && terminal::open_in_browser(url);
    context.terminal.note(is_open ? "the page opens in your browser; Ctrl-C stops the server"
                                  : "open this address in a browser; Ctrl-C stops the server");
}

}  // namespace

void add_ui_command(CLI::App& app, Context& context) {
    auto flags = std::make_shared<ServeFlags>();
    auto opens = std::make_shared<bool>(true);
    CLI::App* command = app.add_subcommand("ui", "Open a page in the browser to chat with a model and look into it");
    command->footer(examples({
        {"The usual model", "urial ui"},
        {"A base model beside the same one with an adapter",
         "urial ui -m base=gemma-3-270m -m tuned=base --lora tuned=lora.gguf"},
    }));
    add_serving_flags(*command, *flags, context);
    command->add_flag("!--no-open", *opens, "Print the address, and open nothing");
    command->callback([flags, opens, command, &context] {
        if (command->count("--port") == 0) flags->options.http.ports = kPorts;
        run_server(*flags, context,
                   [&](const serve::Server&, const std::string& url) { open_page(url, *opens, context); });
    });
}

}  // namespace urial::cli
