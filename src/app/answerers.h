#pragma once

// From what -m and -p say to who answers a batch: a model in this process, or one on servers.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "app/prompts.h"
#include "generate/answerer.h"
#include "generate/prompt_source.h"
#include "remote/model_servers.h"

namespace urial::app {

/// Does a model spec name servers? Throws Error{BadInput} where it does and something is wrong with it.
///   http(s)://HOST/v1#MODEL                         one server
///   http(s)://HOST/v1#MODEL,http(s)://OTHER/v1#MODEL several, which have the same model
struct ServersSpec {
    std::vector<std::string> base_urls;
    std::string model;
};
std::optional<ServersSpec> parse_servers(std::string_view spec);
/// What servers call the model; a spec that names no server is that name.
std::string served_name(const std::string& spec);

/// Asks the servers that choice.model names what they are. What a server cannot do (adapters, arithmetic) is
/// Error{BadInput} where the choice wants it.
std::shared_ptr<remote::ModelServers> open_servers(const ModelChoice& choice, int most_at_once,
                                                   const Callbacks& callbacks);

/// The prompt as a server gets it: "chat" is the model's own chat form. Throws as open_prompt().
std::shared_ptr<const generate::PromptSource> open_server_prompt(const PromptChoice& choice);

/// The same, or with the nearest examples of a pool for each question.
std::shared_ptr<const generate::PromptSource> open_served_prompt(const PromptChoice& choice,
                                                                 const Callbacks& callbacks);

struct AnswererOptions {
    int parallel = 16;  ///< answers under way at the same time
    int context = 0;    ///< tokens of one conversation; 0: what the model was trained for. For a model here only.
    /// Called with the model before anything is computed; where it is in this process.
    std::function<void(const engine::Model&)> opened;
};
std::unique_ptr<generate::Answerer> open_answerer(const ModelChoice& model, const PromptChoice& prompt,
                                                  const AnswererOptions& options, const Callbacks& callbacks);

}  // namespace urial::app
