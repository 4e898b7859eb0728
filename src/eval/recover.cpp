#include <algorithm>
#include <array>
#include <cstring>
#include <functional>
#include <map>
#include <numeric>
#include <optional>
#include <set>

#include "base/error.h"
#include "eval/original.h"
#include "eval/placeholders.h"
#include "eval/verdict.h"

namespace urial::eval {
namespace {

// A rendered request holds its instruction and outputs literally, once each, but their texts may also occur elsewhere
// by chance: an instruction that the answer repeats, an answer that is one word. Every combination of occurrences in
// one request is a candidate; the template is the first candidate that renders all other requests too. The request
// whose texts are longest has the fewest candidates, so it proposes them.

constexpr std::size_t kMostPlaces = 200;  // of one text in a request
constexpr std::size_t kMostCandidates = 10'000;

[[noreturn]] void refuse_ambiguous(const RenderedRequest& request) {
    throw error(ErrorKind::BadInput,
                "{}: the request holds its instruction or output too often to tell where it belongs", request.where);
}

struct Place {
    std::size_t begin;
    std::size_t field;  // 0: the instruction, then the outputs
};

std::vector<const std::string*> fields_of(const RenderedRequest& request) {
    std::vector<const std::string*> fields{&request.instruction};
    for (const std::string& output : request.outputs) fields.push_back(&output);
    return fields;
}

std::vector<std::string> slot_names(std::size_t outputs) {
    if (outputs == 1) return {"instruction", "output"};
    return {"instruction", "output_a", "output_b"};
}

/// In linear time, unlike std::string::find: both texts come from files of others.
std::size_t find_from(const std::string& text, const std::string& needle, std::size_t from) {
    const void* found = ::memmem(text.data() + from, text.size() - from, needle.data(), needle.size());
    return found == nullptr ? std::string::npos
                            : static_cast<std::size_t>(static_cast<const char*>(found) - text.data());
}

std::vector<std::size_t> occurrences(const RenderedRequest& request, const std::string& needle) {
    std::vector<std::size_t> places;
    const std::string& text = request.prompt;
    for (std::size_t at = find_from(text, needle, 0); at != std::string::npos; at = find_from(text, needle, at + 1)) {
        if (places.size() == kMostPlaces) refuse_ambiguous(request);
        places.push_back(at);
    }
    return places;
}

/// Literal texts and slots alternate: literals.size() == slots.size() + 1.
struct Skeleton {
    std::vector<std::string> literals;
    std::vector<std::size_t> slots;

    bool renders(const RenderedRequest& request) const {
        const auto fields = fields_of(request);
        std::string_view rest = request.prompt;
        for (std::size_t i = 0; i < literals.size(); ++i) {
            if (!rest.starts_with(literals[i])) return false;
            rest.remove_prefix(literals[i].size());
            if (i == slots.size()) return rest.empty();
            const std::string& value = *fields[slots[i]];
            if (!rest.starts_with(value)) return false;
            rest.remove_prefix(value.size());
        }
        return false;
    }
};

/// Tries every way to assign one occurrence to each field without overlap, until `accept` takes one.
class Proposer {
public:
    using Accept = std::function<bool(const Skeleton&)>;

    Proposer(const RenderedRequest& request, Accept accept)
        : request_(request), fields_(fields_of(request)), accept_(std::move(accept)) {
        for (const std::string* field : fields_) places_.push_back(occurrences(request, *field));
    }

    bool run() {
        if (chosen_.size() == fields_.size()) return propose();
        const std::size_t field = chosen_.size();
        for (const std::size_t begin : places_[field]) {
            chosen_.push_back({begin, field});
            const bool accepted = run();
            chosen_.pop_back();
            if (accepted) return true;
        }
        return false;
    }

private:
    bool propose() {
        std::vector<Place> ordered = chosen_;
        std::ranges::sort(ordered, {}, &Place::begin);
        Skeleton skeleton;
        std::size_t at = 0;
        for (const Place& place : ordered) {
            if (place.begin < at) return false;
            skeleton.literals.push_back(request_.prompt.substr(at, place.begin - at));
            skeleton.slots.push_back(place.field);
            at = place.begin + fields_[place.field]->size();
        }
        skeleton.literals.push_back(request_.prompt.substr(at));
        if (++proposed_ > kMostCandidates) refuse_ambiguous(request_);
        return accept_(skeleton);
    }

    const RenderedRequest& request_;
    std::vector<const std::string*> fields_;
    std::vector<std::vector<std::size_t>> places_;  // of each field
    std::vector<Place> chosen_;
    Accept accept_;
    std::size_t proposed_ = 0;
};

std::size_t shortest_field(const RenderedRequest& request) {
    std::size_t shortest = request.instruction.size();
    for (const std::string& output : request.outputs) shortest = std::min(shortest, output.size());
    return shortest;
}

std::string write_template(const Skeleton& skeleton, std::size_t outputs) {
    const std::vector<std::string> names = slot_names(outputs);
    std::string text;
    for (std::size_t i = 0; i < skeleton.literals.size(); ++i) {
        const std::string& literal = skeleton.literals[i];
        if (literal.find("{{") != std::string::npos || (i < skeleton.slots.size() && literal.ends_with('{'))) {
            throw Error(ErrorKind::BadInput,
                        "the requests' own text holds {{, or { before what was inserted, which a template cannot "
                        "express");
        }
        text += literal;
        if (i < skeleton.slots.size()) text += "{{" + names[skeleton.slots[i]] + "}}";
    }
    return text;
}

Rubric describe(const std::vector<RenderedRequest>& requests, std::string_view name) {
    Rubric rubric;
    const std::string& mode = requests.front().mode;
    rubric.name = original_rubric_name(name, mode);
    rubric.version = std::string("1");
    rubric.description = fmt::format("recovered from {} rendered requests of mode {}", requests.size(), mode);
    rubric.kind = mode.starts_with("pairwise") ? &pairwise_kind() : &score_kind();
    rubric.text = recover_template(requests);
    rubric.sends_schema = false;  // the originals were asked without one
    rubric.flat = mode == "pairwise";
    if (rubric.kind->subject() == Subject::Pair) rubric.tie = kOriginalTie;
    const bool may_not_apply = mode == "score_multi";
    for (const RenderedRequest& request : requests) {
        if (request.aspects.empty()) continue;
        for (const std::string& aspect : request.aspects) {
            rubric.aspects.push_back({aspect, "as the request says", {}, false, may_not_apply});
        }
        break;
    }
    if (rubric.aspects.empty()) {
        throw error(ErrorKind::BadInput, "{}: no record of mode {} has a judgement, so the aspects are not known",
                    requests.front().where, mode);
    }
    return rubric;
}

}  // namespace

std::string recover_template(std::span<const RenderedRequest> requests) {
    if (requests.empty()) throw Error(ErrorKind::BadInput, "there is no request to recover a template from");
    const auto proposer = std::ranges::max_element(requests, {}, shortest_field);
    if (shortest_field(*proposer) == 0) {
        throw error(ErrorKind::BadInput, "{}: every request has an empty text, so no place can be found",
                    requests.front().where);
    }
    const RenderedRequest* misfit = nullptr;
    std::optional<Skeleton> fit;
    Proposer places(*proposer, [&](const Skeleton& candidate) {
        const auto found = std::ranges::find_if_not(
            requests, [&](const RenderedRequest& request) { return candidate.renders(request); });
        if (found == requests.end()) fit = candidate;
        if (found != requests.end() && misfit == nullptr) misfit = &*found;
        return fit.has_value();
    });
    if (places.run()) return write_template(*fit, requests.front().outputs.size());
    if (misfit == nullptr) {
        throw error(ErrorKind::BadInput, "{}: the request does not hold its instruction and output literally",
                    proposer->where);
    }
    throw error(ErrorKind::BadInput, "{}: this request has another text around its instruction and output than {}",
                misfit->where, proposer->where);
}

std::vector<Rubric> recover_rubrics(std::span<const std::filesystem::path> files, std::string_view name) {
    std::map<std::string, std::vector<RenderedRequest>> by_mode;
    for_each_request(files, [&](RenderedRequest&& request) { by_mode[request.mode].push_back(std::move(request)); });
    if (by_mode.empty()) throw Error(ErrorKind::BadInput, "the files hold no request to recover a rubric from");
    std::vector<Rubric> rubrics;
    for (const auto& [mode, requests] : by_mode) rubrics.push_back(describe(requests, name));
    return rubrics;
}

}  // namespace urial::eval
