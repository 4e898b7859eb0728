#pragma once

// What `urial serve` and `urial ui` have in common: which models and prompts, where the server listens, what it keeps.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "cli/commands.h"
#include "serve/serve.h"

namespace urial::cli {

struct ServeFlags {
    std::vector<std::string> models;
    std::vector<std::string> adapters;
    std::vector<std::string> prompts;
    std::string usual_model;
    std::string usual_prompt;
    std::string api_key_file;
    std::string data;
    bool keeps_data = true;
    serve::ServeOptions options;
};

void add_serving_flags(CLI::App& command, ServeFlags& flags, Context& context);

/// Until Ctrl-C or SIGTERM. `on_address` is called when the models are loaded.
void run_server(ServeFlags flags, Context& context,
                const std::function<void(const serve::Server& server, const std::string& url)>& on_address);

}  // namespace urial::cli
