#include "batch/results.h"

#include <algorithm>
#include <limits>
#include <string_view>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "http/client.h"

namespace urial::batch {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kMostShown = 300;

/// nullptr unless `json` is an object that has something there.
const ordered_json* find(const ordered_json& json, std::string_view key) {
    if (!json.is_object()) return nullptr;
    const auto found = json.find(key);
    return found == json.end() || found->is_null() ? nullptr : &*found;
}

std::string message_of(const ordered_json& json) {
    std::string text = http::server_message(json.is_string() ? json.get<std::string>() : json.dump());
    if (text.size() > kMostShown) text = replace_invalid_utf8(text.substr(0, kMostShown)) + "...";
    return text.empty() ? "no message" : text;
}

/// {"response": {"status_code", "body"}, "error"}, or the body in the place of the response.
void read_response(const ordered_json& line, Result& result) {
    const ordered_json* response = find(line, "response");
    const ordered_json* problem = find(line, "error");
    const ordered_json* status = response == nullptr ? nullptr : find(*response, "status_code");
    const ordered_json* body = response == nullptr ? nullptr : find(*response, "body");
    if (response != nullptr && find(*response, "choices") != nullptr) body = response;
    const bool is_refused = status != nullptr && (!status->is_number_integer() || *status < 200 || *status > 299);
    if (is_refused) {
        const ordered_json* what = problem != nullptr ? problem : body;
        result.failure =
            fmt::format("status {}: {}", status->dump(), what == nullptr ? "no message" : message_of(*what));
    } else if (problem != nullptr) {
        result.failure = message_of(*problem);
    } else if (body == nullptr || !body->is_object()) {
        result.failure = "the result has no body";
    } else {
        result.body = *body;
    }
}

std::optional<std::size_t> count(const ordered_json& row, std::string_view key) {
    const ordered_json* value = find(row, key);
    return value != nullptr && value->is_number_unsigned() ? std::optional(value->get<std::size_t>()) : std::nullopt;
}

/// A row's columns as the body of a completion.
ordered_json body_of_row(const ordered_json& row, const ordered_json& text, std::size_t max_tokens) {
    const auto generated = count(row, "num_generated_tokens");
    const bool is_cut = generated && *generated >= max_tokens;
    ordered_json choice{{"index", 0}, {"text", text}, {"finish_reason", is_cut ? "length" : "stop"}};
    if (const ordered_json* reason = find(row, "finish_reason")) choice["finish_reason"] = *reason;
    ordered_json body{{"choices", ordered_json::array({std::move(choice)})}};
    const auto prompt = count(row, "num_input_tokens");
    if (prompt && generated) body["usage"] = {{"prompt_tokens", *prompt}, {"completion_tokens", *generated}};
    for (const char* key : {"prompt_token_ids", "prompt_logprobs", "model"}) {
        if (const ordered_json* value = find(row, key)) body[key] = *value;
    }
    return body;
}

/// What went wrong with a row; nullptr where nothing did.
const ordered_json* error_of_row(const ordered_json& row) {
    const ordered_json* problem = find(row, "__inference_error__");
    if (problem != nullptr && problem->is_object()) problem = find(*problem, "error_msg");
    return problem == nullptr || *problem == "" ? nullptr : problem;
}

bool is_results_file(const fs::path& path) {
    fs::path name = path.filename();
    if (name.string().starts_with(".")) return false;
    if (name.extension() == ".gz") name = name.stem();
    return name.extension() == ".json" || name.extension() == ".jsonl";
}

void add_files(const fs::path& path, std::vector<fs::path>& files) {
    if (!fs::is_directory(path)) {
        check_readable(path);
        files.push_back(path);
        return;
    }
    const std::size_t before = files.size();
    for (const fs::directory_entry& entry : fs::directory_iterator(path)) {
        if (entry.is_regular_file() && is_results_file(entry.path())) files.push_back(entry.path());
    }
    if (files.size() == before) {
        throw error(ErrorKind::BadInput, "{}: no .json or .jsonl file is in this folder", path.string());
    }
    std::sort(files.begin() + static_cast<std::ptrdiff_t>(before), files.end());
}

}  // namespace

std::optional<Result> read_result(const ordered_json& line, std::size_t max_tokens) {
    const ordered_json* id = find(line, "custom_id");
    if (id == nullptr || !id->is_string()) return std::nullopt;
    Result result{.custom_id = id->get<std::string>(), .body = nullptr, .failure = {}};
    if (const ordered_json* problem = error_of_row(line)) {
        result.failure = message_of(*problem);
    } else if (const ordered_json* text = find(line, "generated_text")) {
        result.body = body_of_row(line, *text, max_tokens);
    } else if (line.contains("response") || line.contains("error")) {
        read_response(line, result);
    } else {
        return std::nullopt;
    }
    return result;
}

void ResultCounts::add(const RequestFailure& failure) {
    ++(failure.is_other_prompt ? other_prompt : failed);
    if (first_failure.empty()) first_failure = failure.reason;
}

ordered_json prompt_ids_of(const ordered_json& body) {
    if (const ordered_json* ids = find(body, "prompt_token_ids")) return *ids;
    const ordered_json* choices = find(body, "choices");
    if (choices == nullptr || !choices->is_array() || choices->empty()) return nullptr;
    const ordered_json* ids = find(choices->front(), "prompt_token_ids");
    return ids == nullptr ? ordered_json() : *ids;
}

ResultReader::ResultReader(const std::vector<fs::path>& paths, std::size_t max_tokens) : max_tokens_(max_tokens) {
    for (const fs::path& path : paths) add_files(path, paths_);
}

void ResultReader::pass_over(std::size_t line, const char* why) {
    if (unreadable_++ == 0) first_unreadable_ = fmt::format("{}:{}: {}", file_->path().string(), line, why);
}

std::optional<Result> ResultReader::next() {
    for (;;) {
        if (!file_) {
            if (next_path_ == paths_.size()) return std::nullopt;
            file_.emplace(paths_[next_path_++], JsonLimits{}.bytes);
        }
        const std::optional<FileLine> line = file_->next();
        if (!line) {
            file_.reset();
            continue;
        }
        if (trim(line->text).empty()) continue;
        if (line->is_too_long) {
            pass_over(line->number, "longer than any result");
            continue;
        }
        const std::optional<ordered_json> json = is_valid_utf8(line->text) ? try_parse_json(line->text) : std::nullopt;
        if (!json) {
            pass_over(line->number, line->is_whole ? "not JSON" : "a torn last line");
            continue;
        }
        if (auto result = read_result(*json, max_tokens_)) {
            place_ = {next_path_ - 1, line->begin, line->text.size()};
            return result;
        }
        pass_over(line->number, "not a result of a known form");
    }
}

Result ResultFetcher::fetch(const ResultPlace& place) {
    if (!file_ || open_ != place.file) {
        file_.emplace(paths_.at(place.file), std::numeric_limits<std::size_t>::max());
        open_ = place.file;
    }
    file_->seek(place.begin);
    std::string line;
    while (line.size() < place.size) {
        const std::string_view bytes = file_->next();
        if (bytes.empty()) break;
        line += bytes.substr(0, place.size - line.size());
    }
    const std::optional<ordered_json> json = is_valid_utf8(line) ? try_parse_json(line) : std::nullopt;
    std::optional<Result> result = json ? read_result(*json, max_tokens_) : std::nullopt;
    if (!result) {
        throw error(ErrorKind::Io, "{}: the result at byte {} is no longer there: the file has changed",
                    file_->path().string(), place.begin);
    }
    return std::move(*result);
}

}  // namespace urial::batch
