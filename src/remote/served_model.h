#pragma once

// What runs say of a model that only servers have. Pure.

#include <string>

#include <nlohmann/json.hpp>

#include "generate/prompt_source.h"
#include "remote/server_software.h"

namespace urial::remote {

/// The last part of the model's name, for people and generators: "Llama-2-7b-hf".
std::string short_name(const std::string& model);

/// Who answers, in records: "Llama-2-7b-hf+urial".
std::string served_generator(const std::string& model, const generate::PromptSource& prompt);

/// For generate::Answerer::identity(). `facts`: what the servers say of the model; an empty object where nobody has
/// asked them.
nlohmann::ordered_json served_identity(const std::string& model, const nlohmann::ordered_json& facts,
                                       const generate::PromptSource& prompt);

/// The same of one side of a shift: how the prompt surrounds a query, and how equal probabilities are ranked.
nlohmann::ordered_json scoring_identity(const std::string& model, const nlohmann::ordered_json& facts,
                                        const generate::PromptSource& prompt, Software software);

/// What a run that goes on must say where other software answers than before, as a sentence; empty: nothing. Both are
/// what ModelServers::describe_servers() gave; anything else says nothing.
std::string change_of_software(const nlohmann::ordered_json& before, const nlohmann::ordered_json& now);

}  // namespace urial::remote
