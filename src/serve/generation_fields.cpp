#include "serve/generation_fields.h"

#include <charconv>
#include <limits>
#include <random>
#include <utility>

#include <fmt/format.h>

#include "engine/grammar.h"
#include "serve/request_error.h"

namespace urial::serve {
namespace {

constexpr std::int64_t kMostTokens = std::numeric_limits<std::int32_t>::max();
constexpr std::size_t kMostBiases = 1024;
constexpr std::size_t kMostStopBytes = 4096;
constexpr std::size_t kMostSchemaBytes = 64 << 10;

std::uint64_t random_seed() {
    std::random_device device;
    return (static_cast<std::uint64_t>(device()) << 32) | device();
}

std::vector<std::string> read_stops(Fields& fields) {
    const Json* stop = fields.value("stop");
    if (stop == nullptr) return {};
    std::vector<std::string> stops;
    const Json list = stop->is_string() ? Json::array({*stop}) : *stop;
    if (!list.is_array()) throw bad_field("stop", "stop must be a string or an array of strings");
    for (const Json& item : list) {
        if (!item.is_string() || item.get_ref<const std::string&>().empty() ||
            item.get_ref<const std::string&>().size() > kMostStopBytes) {
            throw bad_field("stop", fmt::format("stop must hold strings of 1 to {} bytes", kMostStopBytes));
        }
        stops.push_back(item.get<std::string>());
    }
    if (stops.size() > kMostStops) {
        throw bad_field("stop",
                        fmt::format("stop has {} strings: at most {} are looked for", stops.size(), kMostStops));
    }
    return stops;
}

generate::Token token_of(std::string_view text, std::size_t vocabulary_size) {
    generate::Token token = -1;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), token);
    if (problem != std::errc() || end != text.data() + text.size() || token < 0 ||
        static_cast<std::size_t>(token) >= vocabulary_size) {
        throw bad_field("logit_bias", fmt::format("logit_bias names a token by something else than its id, 0 to {}",
                                                  vocabulary_size - 1));
    }
    return token;
}

std::vector<std::pair<generate::Token, float>> read_biases(Fields& fields, std::size_t vocabulary_size) {
    std::optional<Fields> biases = fields.object("logit_bias");
    if (!biases) return {};
    std::vector<std::pair<generate::Token, float>> read;
    const std::vector<std::string> names = [&] {
        std::vector<std::string> all;
        for (const auto& [name, ignored] : fields.value("logit_bias")->items()) all.push_back(name);
        return all;
    }();
    if (names.size() > kMostBiases) {
        throw bad_field("logit_bias",
                        fmt::format("logit_bias has {} entries: at most {} are taken", names.size(), kMostBiases));
    }
    for (const std::string& name : names) {
        const generate::Token token = token_of(name, vocabulary_size);
        read.emplace_back(token, static_cast<float>(biases->number(name, -100, 100).value_or(0)));
    }
    return read;
}

/// GBNF of what the answer must be; empty: anything.
std::string read_response_format(Fields& fields) {
    std::optional<Fields> format = fields.object("response_format");
    if (!format) return {};
    const std::string type = format->text("type").value_or("");
    std::optional<Fields> description = format->object("json_schema");
    std::optional<Fields> schema = description ? description->object("schema") : std::nullopt;
    if (description) {
        (void)description->text("name");
        (void)description->boolean("strict");
    }
    if (type == "text") return {};
    if (type == "json_object") return engine::json_schema_grammar(R"({"type": "object"})");
    if (type != "json_schema") {
        throw bad_field("response_format.type", "response_format.type must be text, json_object or json_schema");
    }
    const char* path = "response_format.json_schema.schema";
    if (!schema) throw bad_field(path, fmt::format("{} is missing", path));
    const std::string text = description->value("schema")->dump(-1, ' ', false, Json::error_handler_t::replace);
    if (text.size() > kMostSchemaBytes) {
        throw bad_field(path, fmt::format("{} has {} bytes: at most {} are read", path, text.size(), kMostSchemaBytes));
    }
    try {
        return engine::json_schema_grammar(text);
    } catch (const Error& failure) {
        throw bad_field(path, fmt::format("{}: {}", path, failure.what()));
    }
}

void read_sampling(Fields& fields, generate::SamplingOptions& sampling) {
    sampling.temperature = fields.number("temperature", 0, 100).value_or(1);
    sampling.top_p = fields.number("top_p", 0, 1).value_or(1);
    if (sampling.top_p == 0) sampling.top_p = std::numeric_limits<double>::min();  // the most likely token alone
    sampling.top_k = static_cast<int>(fields.integer("top_k", -1, kMostTokens).value_or(0));
    if (sampling.top_k < 0) sampling.top_k = 0;  // -1: off, as vLLM has it
    sampling.min_p = fields.number("min_p", 0, 0.999999).value_or(0);
    sampling.repetition_penalty = fields.number("repetition_penalty", 1e-6, 100).value_or(1);
    const auto seed =
        fields.integer("seed", std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
    sampling.seed = seed ? static_cast<std::uint64_t>(*seed) : random_seed();
    sampling.stop = read_stops(fields);
}

void read_steering(Fields& fields, const engine::Model& model, generate::Steering& steering) {
    const std::size_t vocabulary_size = model.info().vocabulary_size;
    const auto last_token = static_cast<std::int64_t>(vocabulary_size) - 1;
    steering.frequency_penalty = fields.number("frequency_penalty", -2, 2).value_or(0);
    steering.presence_penalty = fields.number("presence_penalty", -2, 2).value_or(0);
    steering.logit_bias = read_biases(fields, vocabulary_size);
    steering.min_tokens = static_cast<int>(fields.integer("min_tokens", 0, kMostTokens).value_or(0));
    steering.ignore_end = fields.boolean("ignore_eos").value_or(false);
    for (const std::int64_t token :
         fields.integers("stop_token_ids", 0, last_token, kMostBiases).value_or(std::vector<std::int64_t>{})) {
        steering.stop_tokens.push_back(static_cast<generate::Token>(token));
    }
    steering.include_stop = fields.boolean("include_stop_str_in_output").value_or(false);
    steering.special_text = !fields.boolean("skip_special_tokens").value_or(true);
}

}  // namespace

GenerationFields read_generation_fields(Fields& fields, const engine::Model& model) {
    GenerationFields read;
    read_sampling(fields, read.sampling);
    read_steering(fields, model, read.steering);
    read.choices = static_cast<int>(fields.integer("n", 1, kMostChoices).value_or(1));
    read.streams = fields.boolean("stream").value_or(false);
    if (std::optional<Fields> options = fields.object("stream_options")) {
        read.include_usage = options->boolean("include_usage").value_or(false);
        read.continuous_usage = options->boolean("continuous_usage_stats").value_or(false);
    }
    if (const auto top = fields.integer("prompt_logprobs", 0, kMostTop)) {
        if (read.streams) {
            throw bad_field("prompt_logprobs", "prompt_logprobs cannot be streamed: leave out stream");
        }
        read.prompt_scores = static_cast<int>(*top);
    }
    read.return_token_ids = fields.boolean("return_token_ids").value_or(false);
    read.grammar = read_response_format(fields);
    return read;
}

void refuse_unsupported(Fields& fields) {
    for (const char* name : {"user", "metadata", "store", "service_tier", "prompt_cache_key", "safety_identifier",
                             "cache_prompt", "request_id", "priority", "parallel_tool_calls"}) {
        fields.ignore(name);
    }
    const Json off = false;
    const Json none_text = "";
    for (const char* name : {"tools", "functions", "bad_words", "documents", "allowed_token_ids", "banned_tokens"}) {
        fields.refuse_unless(name, {Json::array()});
    }
    for (const char* name :
         {"guided_json", "guided_regex", "guided_choice", "guided_grammar", "structured_outputs", "prediction", "audio",
          "web_search_options", "truncate_prompt_tokens", "chat_template", "mm_processor_kwargs", "logits_processors",
          "grammar", "grammar_string", "json_schema", "lora"}) {
        fields.refuse_unless(name, {none_text, Json::object(), Json::array()});
    }
    fields.refuse_unless("chat_template_kwargs", {Json::object()});
    fields.refuse_unless("tool_choice", {Json("none"), Json("auto")});
    fields.refuse_unless("function_call", {Json("none"), Json("auto")});
    for (const char* name : {"use_beam_search", "ban_eos_token", "dynamic_temperature"}) {
        fields.refuse_unless(name, {off});
    }
    for (const char* name : {"length_penalty", "typical_p", "tfs_z", "tfs", "repeat_penalty"}) {
        fields.refuse_unless(name, {Json(1)});
    }
    for (const char* name : {"mirostat", "mirostat_mode", "dry_multiplier", "xtc_probability", "dynatemp_range"}) {
        fields.refuse_unless(name, {Json(0)});
    }
    fields.refuse_unless("top_n_sigma", {Json(0), Json(-1)});
    // What these say is of interest with one of the above alone.
    for (const char* name :
         {"mirostat_tau", "mirostat_eta", "dry_base", "dry_allowed_length", "dry_penalty_last_n",
          "dry_sequence_breakers", "xtc_threshold", "dynatemp_exponent", "dynatemp_low", "dynatemp_high",
          "repeat_last_n", "penalize_nl", "repetition_penalty_range", "repetition_decay"}) {
        fields.ignore(name);
    }
    fields.refuse_unless("modalities", {Json::array({"text"})});
    fields.refuse_unless("reasoning_effort", {Json("none"), Json("minimal")});
    fields.refuse_unless("verbosity", {Json("medium")});
    fields.refuse_unless("spaces_between_special_tokens", {Json(true)});
}

}  // namespace urial::serve
