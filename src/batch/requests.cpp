#include "batch/requests.h"

#include <algorithm>
#include <array>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "engine/chat_template.h"
#include "prompt/prompt.h"
#include "remote/server_software.h"

namespace urial::batch {
namespace {

using nlohmann::ordered_json;

constexpr std::array<std::string_view, 2> kTargets{"openai", "vllm"};
constexpr std::string_view kPassThrough = "{% for m in messages %}{{ m.content }}{% endfor %}";
/// OpenAI takes no more.
constexpr std::size_t kMostStops = 4;
constexpr std::size_t kHashDigits = 16;

remote::Software software_of(Target target) {
    return target == Target::Vllm ? remote::Software::Vllm : remote::Software::OpenAi;
}

/// Texts that certainly end an answer, wherever in it they stand: a closing fence may also be the end of a code block.
std::vector<std::string> stops_of(const prompt::AnswerForm& form, const std::vector<std::string>& more) {
    std::vector<std::string> stops;
    for (const std::string& header : form.headers) stops.push_back("\n" + header);
    stops.insert(stops.end(), form.stop.begin(), form.stop.end());
    stops.insert(stops.end(), more.begin(), more.end());
    return stops;
}

void add_stops(ordered_json& body, Target target, std::vector<std::string> stops) {
    if (stops.empty()) return;
    if (target == Target::Vllm) {
        body["include_stop_str_in_output"] = true;
    } else {
        stops.resize(std::min(stops.size(), kMostStops));
    }
    body["stop"] = stops;
}

/// The part of the body that says what is asked; returns where it goes.
std::string_view add_prompt(ordered_json& body, Target target, const generate::ServerPrompt& given) {
    constexpr std::string_view kChat = "/v1/chat/completions";
    if (const auto* messages = std::get_if<std::vector<engine::ChatMessage>>(&given)) {
        body["messages"] = messages_of(*messages);
        return kChat;
    }
    const auto& text = std::get<std::string>(given);
    if (target == Target::OpenAi) {
        body["prompt"] = text;
        return "/v1/completions";
    }
    add_text(body, text, /*begins=*/true);
    return kChat;
}

}  // namespace

std::string_view name(Target target) { return kTargets[static_cast<std::size_t>(target)]; }

Target parse_target(std::string_view name) {
    const auto found = std::find(kTargets.begin(), kTargets.end(), name);
    if (found == kTargets.end()) {
        throw error(ErrorKind::BadInput, "target \"{}\": there are openai and vllm", printable(name));
    }
    return static_cast<Target>(found - kTargets.begin());
}

std::string custom_id(std::uint64_t question) { return fmt::format("{:016x}", question); }

std::string hash_of_ids(const ordered_json& ids) { return sha256_hex(ids.dump()).substr(0, kHashDigits); }

ordered_json messages_of(const std::vector<engine::ChatMessage>& messages) {
    ordered_json list = ordered_json::array();
    for (const engine::ChatMessage& each : messages) list.push_back({{"role", each.role}, {"content", each.content}});
    return list;
}

void add_text(ordered_json& body, const std::string& text, bool begins) {
    body["messages"] = messages_of({{"user", text}});
    body["chat_template"] = kPassThrough;
    body["add_generation_prompt"] = false;
    body["add_special_tokens"] = begins;
}

ordered_json request_line(std::string_view id, std::string_view url, ordered_json body) {
    return {{"custom_id", id}, {"method", "POST"}, {"url", url}, {"body", std::move(body)}};
}

ordered_json question_line(Target target, const std::string& model, const generate::PromptSource& prompt,
                           const generate::Question& question) {
    const remote::Software software = software_of(target);
    remote::check_sampling({.software = software}, fmt::format("--target {}", name(target)), question.sampling);
    const generate::ServerPrompt given = prompt.for_server(question.conversation);
    ordered_json body{{"model", model}};
    const std::string_view url = add_prompt(body, target, given);
    const bool is_new_limit = target == Target::OpenAi && body.contains("messages");
    body[is_new_limit ? "max_completion_tokens" : "max_tokens"] = question.sampling.max_tokens;
    remote::add_sampling(body, software, question.sampling, question.id);
    add_stops(body, target, stops_of(prompt.answer_form(), question.sampling.stop));
    if (target == Target::Vllm) body["return_token_ids"] = true;
    return request_line(custom_id(question.id), url, std::move(body));
}

}  // namespace urial::batch
