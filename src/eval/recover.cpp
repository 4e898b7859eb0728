#include <algorithm>
#include <array>
#include <map>
#include <numeric>
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

std::vector<std::size_t> occurrences(const std::string& text, const std::string& needle) {
    std::vector<std::size_t> places;
    for (std::size_t at = text.find(needle); at != std::string::npos; at = text.find(needle, at + 1))
        places.push_back(at);
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

/// Every way to assign one occurrence to each field without overlap.
void propose(const RenderedRequest& request, std::vector<Place>& chosen, std::vector<Skeleton>& candidates) {
    const auto fields = fields_of(request);
    if (chosen.size() == fields.size()) {
        std::vector<Place> ordered = chosen;
        std::ranges::sort(ordered, {}, &Place::begin);
        Skeleton skeleton;
        std::size_t at = 0;
        for (const Place& place : ordered) {
            if (place.begin < at) return;
            skeleton.literals.push_back(request.prompt.substr(at, place.begin - at));
            skeleton.slots.push_back(place.field);
            at = place.begin + fields[place.field]->size();
        }
        skeleton.literals.push_back(request.prompt.substr(at));
        candidates.push_back(std::move(skeleton));
        return;
    }
    const std::size_t field = chosen.size();
    for (const std::size_t begin : occurrences(request.prompt, *fields[field])) {
        chosen.push_back({begin, field});
        propose(request, chosen, candidates);
        chosen.pop_back();
    }
}

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
    rubric.kind = mode.starts_with("pairwise") ? RubricKind::Pairwise : RubricKind::Score;
    rubric.text = recover_template(requests);
    rubric.sends_schema = false;  // the originals were asked without one
    rubric.flat = mode == "pairwise";
    if (rubric.kind == RubricKind::Pairwise) rubric.tie = kOriginalTie;
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
    std::vector<Skeleton> candidates;
    std::vector<Place> chosen;
    propose(*proposer, chosen, candidates);
    if (candidates.empty()) {
        throw error(ErrorKind::BadInput, "{}: the request does not hold its instruction and output literally",
                    proposer->where);
    }
    const RenderedRequest* misfit = nullptr;
    for (const Skeleton& candidate : candidates) {
        const auto found = std::ranges::find_if_not(
            requests, [&](const RenderedRequest& request) { return candidate.renders(request); });
        if (found == requests.end()) return write_template(candidate, requests.front().outputs.size());
        if (misfit == nullptr) misfit = &*found;
    }
    throw error(ErrorKind::BadInput, "{}: this request has another text around its instruction and output than {}",
                misfit->where, proposer->where);
}

std::vector<Rubric> recover_rubrics(std::span<const std::filesystem::path> files, std::string_view name) {
    std::map<std::string, std::vector<RenderedRequest>> by_mode;
    for_each_request(files, [&](RenderedRequest&& request) { by_mode[request.mode].push_back(std::move(request)); });
    std::vector<Rubric> rubrics;
    for (const auto& [mode, requests] : by_mode) rubrics.push_back(describe(requests, name));
    return rubrics;
}

}  // namespace urial::eval
