#include "batch/results_answerer.h"

#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "remote/answer_reader.h"

namespace urial::batch {
namespace {

using generate::FinishReason;
using nlohmann::ordered_json;

/// OpenAI leaves out the text at which it stopped: with a header in its place the answer ends as it would have.
ordered_json with_stopped_header(ordered_json body, const prompt::AnswerForm& form) {
    if (form.headers.empty() || !body.contains("choices") || !body["choices"].is_array()) return body;
    for (ordered_json& choice : body["choices"]) {
        if (!choice.is_object() || choice.value("finish_reason", ordered_json()) != "stop") continue;
        if (!choice.contains("text") || !choice["text"].is_string()) continue;
        choice["text"] = choice["text"].get<std::string>() + "\n" + form.headers.front();
    }
    return body;
}

}  // namespace

ResultsAnswerer::ResultsAnswerer(const RequestSet& requests, const std::vector<std::filesystem::path>& results,
                                 std::size_t max_tokens)
    : requests_(requests), results_(results), reader_(results, max_tokens) {
    for (std::size_t i = 0; i < requests.custom_ids.size(); ++i) positions_.emplace(requests.custom_ids[i], i);
}

ordered_json ResultsAnswerer::identity() const {
    ordered_json identity = ordered_json::object();
    for (const char* key : {"model", "adapters", "prompt"}) identity[key] = requests_.identity.at(key);
    return identity;
}

ordered_json ResultsAnswerer::circumstances() const {
    ordered_json circumstances{{"batch", {{"target", name(requests_.target)}, {"results", ordered_json::array()}}}};
    for (const auto& path : results_) circumstances["batch"]["results"].push_back(path.string());
    if (!answered_as_.empty()) circumstances["answered_as"] = answered_as_;
    return circumstances;
}

std::string ResultsAnswerer::change_since(const ordered_json& manifest) const {
    if (!manifest.contains("servers")) return "";
    return "what is there came from servers, the rest comes from files: their last digits may differ";
}

void ResultsAnswerer::submit(generate::Question question) {
    const std::uint64_t id = question.id;
    open_.insert_or_assign(id, std::move(question));
}

void ResultsAnswerer::prepare() {}

bool ResultsAnswerer::step() {
    if (has_ended_) return false;
    if (const std::optional<Result> result = reader_.next()) {
        ++counts_.read;
        take(*result);
        return true;
    }
    has_ended_ = true;
    finish();
    return false;
}

void ResultsAnswerer::take(const Result& result) {
    if (!positions_.contains(result.custom_id)) {
        ++counts_.foreign;
        return;
    }
    const std::uint64_t id = std::stoull(result.custom_id, nullptr, 16);
    if (!open_.contains(id)) {
        ++counts_.repeated;
    } else if (!result.failure.empty()) {
        failures_.insert_or_assign(id, RequestFailure{result.failure});
    } else {
        answer(id, result);
    }
}

bool ResultsAnswerer::is_other_prompt(const Result& result, bool& is_checked) const {
    const ordered_json ids = prompt_ids_of(result.body);
    is_checked = !ids.is_null() && !requests_.prompt_hashes.empty();
    return is_checked && hash_of_ids(ids) != requests_.prompt_hashes[positions_.at(result.custom_id)];
}

void ResultsAnswerer::answer(std::uint64_t id, const Result& result) {
    bool is_checked = false;
    if (is_other_prompt(result, is_checked)) {
        failures_.insert_or_assign(id, RequestFailure{"the engine read other prompt tokens than were exported", true});
        return;
    }
    generate::Question& question = open_.at(id);
    remote::AnswerReader reader({.form = requests_.answer_form,
                                 .stop = question.sampling.stop,
                                 .max_tokens = question.sampling.max_tokens,
                                 .on_text = {}});
    reader.take_whole(requests_.target == Target::OpenAi ? with_stopped_header(result.body, requests_.answer_form)
                                                         : result.body);
    if (std::string problem = reader.finish(); !problem.empty()) {
        failures_.insert_or_assign(id, RequestFailure{std::move(problem)});
        return;
    }
    check_name(reader.model());
    generate::Answer answer;
    answer.result.text = reader.text();
    answer.result.finish = reader.reason();
    answer.result.stopped_by = reader.stopped_by();
    answer.result.prompt_tokens = reader.prompt_tokens().value_or(0);
    answer.result.completion_tokens = reader.completion_tokens().value_or(0);
    answer.is_counted = reader.prompt_tokens() && reader.completion_tokens();
    answer.is_timed = false;
    if (!requests_.chosen.empty()) answer.retrieved = requests_.chosen[positions_.at(result.custom_id)];
    tokens_ += answer.result.completion_tokens;
    ++counts_.taken;
    if (!is_checked) ++counts_.unchecked_prompt;
    const auto on_done = std::move(question.on_done);
    open_.erase(id);
    failures_.erase(id);
    on_done(std::move(answer));
}

void ResultsAnswerer::check_name(const std::string& answered_as) {
    if (answered_as.empty() || answered_as == answered_as_) return;
    if (answered_as_.empty()) {
        answered_as_ = answered_as;
        return;
    }
    throw error(ErrorKind::BadInput,
                "the results are of two models, {} and {}: import those of one alone; what was taken stays",
                answered_as_, answered_as);
}

void ResultsAnswerer::finish() {
    counts_.unreadable = reader_.unreadable();
    counts_.first_unreadable = reader_.first_unreadable();
    const auto open = std::exchange(open_, {});
    std::map<std::size_t, std::uint64_t> in_order;
    for (const auto& [id, question] : open) {
        const auto position = positions_.find(custom_id(id));
        if (position == positions_.end()) {
            end_without_answer(id, question);
        } else {
            in_order.emplace(position->second, id);
        }
    }
    for (const auto& [position, id] : in_order) end_without_answer(id, open.at(id));
}

void ResultsAnswerer::end_without_answer(std::uint64_t id, const generate::Question& question) {
    generate::Answer none;
    const auto failure = failures_.find(id);
    if (failure == failures_.end()) {
        ++counts_.missing;
        none.result.finish = FinishReason::Cancelled;
    } else {
        counts_.add(failure->second);
        none.result.finish = FinishReason::Failed;
        none.result.failure = Error(ErrorKind::Unavailable, failure->second.reason);
    }
    question.on_done(std::move(none));
}

}  // namespace urial::batch
