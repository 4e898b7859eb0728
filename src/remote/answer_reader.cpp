#include "remote/answer_reader.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "base/json_reader.h"
#include "base/text.h"
#include "http/client.h"

namespace urial::remote {
namespace {

using generate::FinishReason;
using nlohmann::ordered_json;
using End = prompt::AnswerScanner::End;

constexpr std::size_t kMostBodyBytes = 16u << 20;
/// The longest tokens are runs of some hundred blanks.
constexpr std::size_t kMostBytesPerToken = 1024;
constexpr std::size_t kMostLateEvents = 16;
constexpr std::size_t kMostBlanks = 64u << 10;
constexpr std::size_t kMostShown = 80;

/// nullptr unless `json` is an object with that key.
const ordered_json* find(const ordered_json& json, std::string_view key) {
    if (!json.is_object()) return nullptr;
    const auto found = json.find(key);
    return found == json.end() ? nullptr : &*found;
}

std::optional<std::size_t> count(const ordered_json& json, std::string_view key) {
    const ordered_json* value = find(json, key);
    if (value == nullptr || !value->is_number_unsigned()) return std::nullopt;
    return value->get<std::size_t>();
}

/// The text of a choice: of a completion, of a chat's piece, of a whole message. std::nullopt for none, which is
/// another thing than an empty one only where a choice must have one.
std::optional<std::string> text_of(const ordered_json& choice) {
    const ordered_json* text = find(choice, "text");
    for (const char* key : {"delta", "message"}) {
        if (text != nullptr) break;
        if (const ordered_json* message = find(choice, key)) text = find(*message, "content");
    }
    if (text == nullptr || text->is_null()) return std::string();
    if (!text->is_string()) return std::nullopt;
    return text->get<std::string>();
}

std::string shown(std::string_view bytes) {
    std::string text = printable(replace_invalid_utf8(bytes.substr(0, kMostShown)));
    return bytes.size() > kMostShown ? text + "..." : text;
}

}  // namespace

AnswerReader::AnswerReader(Options options)
    : options_(std::move(options)),
      scanner_(options_.form, options_.stop),
      events_([this](std::string_view data) { return take_event(data); }),
      most_bytes_(static_cast<std::size_t>(std::max(1, options_.max_tokens)) * kMostBytesPerToken) {}

bool AnswerReader::goes_on() const {
    return problem_.empty() && !has_ended_ && is_wanted_ && scanner_.end() == End::None;
}

bool AnswerReader::fail(std::string reason) {
    if (problem_.empty()) problem_ = std::move(reason);
    return false;
}

bool AnswerReader::push(std::string_view bytes) {
    if (!is_stream_) {
        const std::size_t first = bytes.find_first_not_of(" \t\r\n");
        blanks_ += std::min(first, bytes.size());
        if (blanks_ > kMostBlanks) return fail("the answer begins with nothing but blanks");
        if (first == std::string_view::npos) return true;
        is_stream_ = bytes[first] != '{';
        bytes.remove_prefix(first);
    }
    if (*is_stream_) {
        if (events_.push(bytes)) return goes_on();
        return events_.is_too_large() && fail("an event of the stream has no end");
    }
    body_ += bytes;
    return body_.size() <= kMostBodyBytes || fail(fmt::format("the answer has more than {} bytes", kMostBodyBytes));
}

bool AnswerReader::take_event(std::string_view data) {
    if (trim(data) == "[DONE]") {
        has_ended_ = true;
        return false;
    }
    const auto object = try_parse_json(data);
    if (!object || !object->is_object()) return fail("an event of the stream is no JSON object: " + shown(data));
    if (has_finished_ && ++late_events_ > kMostLateEvents) return false;
    take_object(*object);
    return goes_on();
}

void AnswerReader::take_object(const ordered_json& object) {
    const ordered_json* choices = find(object, "choices");
    if (find(object, "error") != nullptr || (choices == nullptr && find(object, "message") != nullptr)) {
        fail("the server broke off: " + shown(http::server_message(object.dump())));
        return;
    }
    if (choices == nullptr || !choices->is_array()) {
        fail("the answer has no choices: " + shown(object.dump()));
        return;
    }
    if (const ordered_json* model = find(object, "model"); model != nullptr && model->is_string()) {
        const std::string name = printable(model->get<std::string>());
        if (!model_.empty() && name != model_)
            fail(fmt::format("one answer names two models, {} and {}", model_, name));
        model_ = name;
    }
    take_counts(object);
    for (const ordered_json& choice : *choices) {
        if (goes_on()) take_choice(choice);
    }
}

void AnswerReader::take_counts(const ordered_json& object) {
    if (const ordered_json* usage = find(object, "usage")) {
        if (const auto tokens = count(*usage, "prompt_tokens")) prompt_tokens_ = tokens;
        if (const auto tokens = count(*usage, "completion_tokens")) completion_tokens_ = tokens;
    }
    // llama-server's, with every piece: what of the prompt was computed and what was there.
    if (const ordered_json* timings = find(object, "timings")) {
        const auto computed = count(*timings, "prompt_n");
        if (computed) prompt_tokens_ = *computed + count(*timings, "cache_n").value_or(0);
        if (const auto tokens = count(*timings, "predicted_n")) completion_tokens_ = tokens;
    }
}

void AnswerReader::take_choice(const ordered_json& choice) {
    if (count(choice, "index").value_or(0) != 0) {
        fail("it has a second choice, which was not asked for");
        return;
    }
    const std::optional<std::string> text = choice.is_object() ? text_of(choice) : std::nullopt;
    if (!text) {
        fail("a choice has no text: " + shown(choice.dump()));
        return;
    }
    if (has_finished_ && !text->empty()) {
        fail("text came after the end of the answer");
        return;
    }
    if (!text->empty()) take_text(*text);
    const ordered_json* reason = find(choice, "finish_reason");
    if (reason == nullptr || reason->is_null()) return;
    has_finished_ = true;
    const std::string why = reason->is_string() ? reason->get<std::string>() : reason->dump();
    if (why == "length") {
        reason_ = FinishReason::Length;
    } else if (why != "stop" && why != "eos") {
        fail(fmt::format("the server ended the answer: {}", shown(why)));
    }
}

void AnswerReader::take_text(std::string_view piece) {
    ++pieces_;
    const std::string sure = scanner_.push(piece);
    text_ += sure;
    if (text_.size() > most_bytes_) {
        fail(fmt::format("the answer has more than {} bytes for {} tokens", most_bytes_, options_.max_tokens));
    }
    if (!sure.empty() && options_.on_text) is_wanted_ = options_.on_text(sure);
    if (!is_wanted_) reason_ = FinishReason::Cancelled;
}

void AnswerReader::take_whole(const ordered_json& body) {
    is_stream_ = false;
    is_taken_ = true;
    take_object(body);
}

std::string AnswerReader::finish() {
    if (is_stream_ == false && !is_taken_ && problem_.empty()) {
        const auto object = try_parse_json(body_);
        if (!object || !object->is_object()) {
            fail("the answer is no JSON object: " + shown(body_));
        } else {
            take_object(*object);
        }
    }
    const bool has_end = has_finished_ || scanner_.end() != End::None || !is_wanted_;
    if (!has_end) fail(is_stream_ ? "the answer broke off" : "the answer is empty");
    if (!problem_.empty()) return problem_;
    if (scanner_.end() != End::None) {
        reason_ = FinishReason::Stop;
        return "";
    }
    const std::string rest = scanner_.finish();
    text_ += rest;
    if (!rest.empty() && options_.on_text && is_wanted_) options_.on_text(rest);
    return "";
}

}  // namespace urial::remote
