#include "app/answerers.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>

#include "app/server_keys.h"
#include "base/error.h"
#include "base/text.h"
#include "remote/remote_answerer.h"

namespace urial::app {
namespace {

/// The parts that begin with an address: a comma may stand in a model's name too.
std::vector<std::string> split_addresses(std::string_view spec) {
    std::vector<std::string> parts;
    for (const std::string_view part : split(spec, ',')) {
        const bool begins = part.starts_with("http://") || part.starts_with("https://");
        if (begins || parts.empty()) {
            parts.emplace_back(part);
        } else {
            parts.back() += "," + std::string(part);
        }
    }
    return parts;
}

void refuse_local_options(const ModelChoice& choice) {
    if (!choice.adapters.empty()) {
        throw error(ErrorKind::BadInput,
                    "--lora {}: adapters are for a model in this process; name the server's own model with the adapter",
                    choice.adapters.front());
    }
    if (choice.arithmetic != "auto") {
        throw error(ErrorKind::BadInput, "--arithmetic {}: a server computes as it was started", choice.arithmetic);
    }
    if (choice.device != "auto" || choice.gpu_layers != -1) {
        throw error(ErrorKind::BadInput,
                    "--device and --gpu-layers are for a model in this process; a server computes "
                    "as it was started");
    }
    if (choice.offline) {
        throw Error(ErrorKind::BadInput, "--offline: the model is on a server, which has to be asked");
    }
}

}  // namespace

std::optional<ServersSpec> parse_servers(std::string_view spec) {
    ServersSpec servers;
    for (const std::string& part : split_addresses(spec)) {
        const auto address = http::parse_model_address(part);
        if (!address) return std::nullopt;
        if (!servers.model.empty() && address->model != servers.model) {
            throw error(ErrorKind::BadInput,
                        "the servers are to have one model, and {} and {} are named; run the command once for each",
                        printable(servers.model), printable(address->model));
        }
        servers.model = address->model;
        servers.base_urls.push_back(address->base_url);
    }
    return servers;
}

std::string served_name(const std::string& spec) {
    const auto servers = parse_servers(spec);
    return servers ? servers->model : spec;
}

std::shared_ptr<remote::ModelServers> open_servers(const ModelChoice& choice, int most_at_once,
                                                   const Callbacks& callbacks) {
    const ServersSpec spec = parse_servers(choice.model).value();
    refuse_local_options(choice);
    const ServerKeys keys(choice.api_key_file);
    remote::ModelServersOptions options;
    for (const std::string& url : spec.base_urls) options.servers.push_back(keys.server(url, callbacks));
    options.model = spec.model;
    options.most_at_once = static_cast<std::size_t>(std::max(1, most_at_once));
    options.timeout = std::chrono::milliseconds(static_cast<long>(choice.timeout_seconds * 1000));
    options.silence = std::min(options.silence, options.timeout);
    options.notice = callbacks.warning;
    options.cancelled = callbacks.cancelled;
    auto servers = std::make_shared<remote::ModelServers>(std::move(options));
    tell(callbacks.detail, servers->describe_servers().dump());
    return servers;
}

std::shared_ptr<const generate::PromptSource> open_server_prompt(const PromptChoice& choice) {
    if (choice.prompt != kChatPrompt) {
        return generate::in_context_prompt(prompt::with_system(open_in_context_prompt(choice), choice.system));
    }
    refuse_form(choice);
    if (!choice.chat_template.empty()) {
        throw error(ErrorKind::BadInput, "--chat-template {}: a server has a template of its own, which it uses",
                    printable(choice.chat_template));
    }
    return generate::server_chat_prompt(choice.system);
}

std::shared_ptr<const generate::PromptSource> open_served_prompt(const PromptChoice& choice,
                                                                 const Callbacks& callbacks) {
    return choice.prompt == kRetrievalPrompt ? open_retrieval(choice, callbacks) : open_server_prompt(choice);
}

std::unique_ptr<generate::Answerer> open_answerer(const ModelChoice& model, const PromptChoice& prompt,
                                                  const AnswererOptions& options, const Callbacks& callbacks) {
    if (parse_servers(model.model)) {
        // What is wrong with it is said before a server is asked.
        auto source = open_served_prompt(prompt, callbacks);
        if (options.context > 0) {
            throw error(ErrorKind::BadInput, "--context {}: a server has the context that it was started with",
                        options.context);
        }
        return std::make_unique<remote::RemoteAnswerer>(open_servers(model, options.parallel, callbacks),
                                                        std::move(source), options.parallel);
    }
    const SourceMaker source = open_source(prompt, callbacks);
    std::shared_ptr<const engine::Model> opened = open_model(model, callbacks, engine::Purpose::Fast, options.parallel);
    if (options.opened) options.opened(*opened);
    std::shared_ptr<const generate::PromptSource> prompts = source(*opened);
    return std::make_unique<generate::LocalAnswerer>(
        generate::PreparedPrompt{std::move(opened), std::move(prompts)},
        generate::LocalAnswererOptions{.parallel = options.parallel,
                                       .context_tokens = options.context,
                                       .session = session_options(model, callbacks)});
}

}  // namespace urial::app
