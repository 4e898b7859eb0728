#pragma once

// Requests in files, for engines that work through a file and write another one: OpenAI's batch form, which vLLM reads
// too. Pure but for the writer.

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include <nlohmann/json.hpp>

#include "base/files.h"
#include "engine/chat_template.h"
#include "generate/answerer.h"
#include "generate/prompt_source.h"

namespace urial::batch {

/// Who works through the file.
enum class Target {
    OpenAi,  ///< OpenAI's batches; any other that has /v1/completions
    Vllm,    ///< `vllm run-batch`, which has /v1/chat/completions alone, and Ray Data
};
std::string_view name(Target target);
/// Throws Error{BadInput} with the names.
Target parse_target(std::string_view name);

/// The id under which the result of a question comes back, 16 hexadecimal digits: the key of its record.
std::string custom_id(std::uint64_t question);

/// Token ids in a word: what was sent and what an engine says it read are compared by it.
std::string hash_of_ids(const nlohmann::ordered_json& ids);

/// One line of the file.
nlohmann::ordered_json request_line(std::string_view id, std::string_view url, nlohmann::ordered_json body);

/// Messages as a body of /v1/chat/completions has them.
nlohmann::ordered_json messages_of(const std::vector<engine::ChatMessage>& messages);
/// A text that vLLM continues: the one message of a chat whose template gives it back as it is. `begins`: with the
/// token with which the model's texts begin, as /v1/completions puts it.
void add_text(nlohmann::ordered_json& body, const std::string& text, bool begins);

/// The request of one question. Texts that are to be continued become, for vLLM, the one message of a chat whose
/// template gives it back as it is; texts that surely end an answer (headers of the prompt, stop strings) stop the
/// server there. Throws Error{BadInput} for a sampling option that the target does not take.
nlohmann::ordered_json question_line(Target target, const std::string& model, const generate::PromptSource& prompt,
                                     const generate::Question& question);

}  // namespace urial::batch
