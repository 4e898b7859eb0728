#include "serve/answer_facts.h"

#include <limits>

#include <fmt/format.h>

#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr std::size_t kMostFactBytes = 1000;

std::string fact_text(Fields& fields, const char* name) {
    std::string text = fields.text(name).value_or("");
    if (text.size() > kMostFactBytes) {
        throw bad_field(fields.path_of(name),
                        fmt::format("{} is longer than {} bytes", fields.path_of(name), kMostFactBytes));
    }
    return text;
}

std::optional<std::int64_t> fact_number(Fields& fields, const char* name) {
    return fields.integer(name, 0, std::numeric_limits<std::int64_t>::max());
}

}  // namespace

Json facts_json(const AnswerFacts& facts) {
    const auto number = [](const std::optional<std::int64_t>& value) { return value ? Json(*value) : Json(); };
    return {{"model", facts.model},
            {"path", facts.path},
            {"started", facts.started},
            {"first_token_ms", number(facts.first_token_ms)},
            {"ms", number(facts.ms)},
            {"tokens", number(facts.tokens)},
            {"prompt_tokens", number(facts.prompt_tokens)},
            {"finish_reason", facts.finish_reason.empty() ? Json() : Json(facts.finish_reason)}};
}

AnswerFacts read_facts(Fields fields) {
    return {.model = fact_text(fields, "model"),
            .path = fact_text(fields, "path"),
            .started = fact_number(fields, "started").value_or(0),
            .first_token_ms = fact_number(fields, "first_token_ms"),
            .ms = fact_number(fields, "ms"),
            .tokens = fact_number(fields, "tokens"),
            .prompt_tokens = fact_number(fields, "prompt_tokens"),
            .finish_reason = fact_text(fields, "finish_reason")};
}

}  // namespace urial::serve
