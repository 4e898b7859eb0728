#include "app/merge_manifest.h"

#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/error.h"
#include "base/text.h"
#include "eval/eval.h"
#include "generate/instructions.h"
#include "generate/run_identity.h"

namespace urial::app {
namespace {

using nlohmann::ordered_json;

/// Of a judge what may change between two runs of one folder.
const std::set<std::string, std::less<>> kChangingOfJudges{
    "threads", "arithmetic", "arithmetic_version", "device", "devices", "server", "batch", "usd_per_million"};
/// Of a manifest what belongs to a run by itself and is said anew.
const std::set<std::string, std::less<>> kOfOneRun{
    "identity",  "origin",  "records_file", "started", "finished", "records", "failed",     "total",
    "positions", "seconds", "merged",       "judges",  "rubrics",  "bill",    "judgements", "unscored"};

[[noreturn]] void refuse(const MergedPart& first, const MergedPart& other, const std::string& difference) {
    throw error(ErrorKind::BadInput, "{} and {} do not belong together: {}", printable(first.name),
                printable(other.name), printable(difference));
}

ordered_json steady_part(const ordered_json& judge) {
    ordered_json steady = ordered_json::object();
    for (const auto& [key, value] : judge.items()) {
        if (!kChangingOfJudges.contains(key)) steady[key] = value;
    }
    return steady;
}

/// The entries of a list by their names. Those of one name must be the same.
void add_named(std::map<std::string, ordered_json>& known, const ordered_json& list, const MergedPart& first,
               const MergedPart& other, std::string_view what) {
    for (const ordered_json& entry : list) {
        const auto name = entry.at("name").get<std::string>();
        const auto [found, is_new] = known.emplace(name, steady_part(entry));
        if (is_new) continue;
        const std::string difference = generate::first_difference(found->second, steady_part(entry));
        if (!difference.empty()) refuse(first, other, fmt::format("the {} {}: {}", what, name, difference));
    }
}

void check_judging(const MergedPart& first, const MergedPart& other) {
    const ordered_json& one = first.manifest;
    const ordered_json& two = other.manifest;
    const auto command_of = [](const ordered_json& manifest) {
        return ordered_json{{"command", manifest.at("origin").value("command", ordered_json())},
                            {"max_tokens", manifest.value("max_tokens", ordered_json())}};
    };
    const std::string difference = generate::first_difference(command_of(one), command_of(two));
    if (!difference.empty()) refuse(first, other, difference);
    for (const auto& [list, what] : {std::pair{"judges", "judge"}, {"rubrics", "rubric"}}) {
        std::map<std::string, ordered_json> known;
        add_named(known, one.at(list), first, other, what);
        add_named(known, two.at(list), first, other, what);
    }
}

ordered_json list_of_all(const std::vector<MergedPart>& parts, const char* list) {
    ordered_json all = ordered_json::array();
    std::set<std::string> names;
    for (const MergedPart& part : parts) {
        for (const ordered_json& entry : part.manifest.at(list)) {
            if (names.insert(entry.at("name").get<std::string>()).second) all.push_back(entry);
        }
    }
    return all;
}

/// What the part is about, without which of its items.
ordered_json input_of(const ordered_json& manifest) {
    ordered_json origin = manifest.value("origin", ordered_json::object());
    if (origin.is_object()) origin.erase("shard");
    return origin;
}

std::string shard_text(const ordered_json& manifest) {
    const ordered_json origin = manifest.value("origin", ordered_json::object());
    return origin.is_object() ? origin.value("shard", "1/1") : "1/1";
}

/// "1/1" where the shards are all there, else their names.
std::string joined_shards(const std::vector<MergedPart>& parts) {
    std::set<std::string> names;
    std::map<std::size_t, std::set<std::size_t>> found;  // by their number
    for (const MergedPart& part : parts) {
        const std::string text = shard_text(part.manifest);
        names.insert(text);
        try {
            const generate::Shard shard = generate::parse_shard(text);
            found[shard.count].insert(shard.index);
        } catch (const Error&) {  // of a merged run: names of several
        }
    }
    const auto is_whole = [](const auto& shards) { return shards.second.size() == shards.first; };
    return std::ranges::any_of(found, is_whole) ? "1/1" : fmt::format("{}", fmt::join(names, ", "));
}

ordered_json joined_origin(const std::vector<MergedPart>& parts) {
    ordered_json inputs = ordered_json::array();
    for (const MergedPart& part : parts) {
        ordered_json input = input_of(part.manifest);
        if (std::ranges::find(inputs, input) == inputs.end()) inputs.push_back(std::move(input));
    }
    if (inputs.size() > 1) return {{"inputs", std::move(inputs)}};
    ordered_json origin = inputs.front();
    const bool has_shards =
        std::ranges::any_of(parts, [](const MergedPart& part) { return shard_text(part.manifest) != "1/1"; });
    if (has_shards || parts.front().manifest["origin"].contains("shard")) origin["shard"] = joined_shards(parts);
    return origin;
}

/// Texts in ISO form sort by time; a run that goes on has no end.
void join_times(ordered_json& joined, const std::vector<MergedPart>& parts, bool is_finished) {
    std::string started;
    std::string finished;
    for (const MergedPart& part : parts) {
        const ordered_json begin = part.manifest.value("started", ordered_json());
        const ordered_json end = part.manifest.value("finished", ordered_json());
        if (begin.is_string() && (started.empty() || begin < started)) started = begin.get<std::string>();
        if (end.is_string() && (finished.empty() || end > finished)) finished = end.get<std::string>();
    }
    joined["started"] = started;
    joined["finished"] = is_finished && !finished.empty() ? ordered_json(finished) : ordered_json();
}

void join_judging(ordered_json& joined, const std::vector<MergedPart>& parts, const MergedCounts& counts) {
    eval::Bill sum;
    for (const MergedPart& part : parts) {
        const eval::Bill bill = eval::bill_from_json(part.manifest.value("bill", ordered_json::object()));
        sum.attempts += bill.attempts;
        sum.failed += bill.failed;
        sum.unsettled += bill.unsettled;
        sum.prompt_tokens += bill.prompt_tokens;
        sum.completion_tokens += bill.completion_tokens;
        sum.cost += bill.cost;
        sum.unpriced += bill.unpriced;
    }
    joined["rubrics"] = list_of_all(parts, "rubrics");
    joined["judges"] = list_of_all(parts, "judges");
    joined["judgements"] = counts.records + counts.failed;
    joined["total"] = counts.total;
    joined["unscored"] = counts.unscored;
    joined["bill"] = eval::to_json(sum);
}

void join_answers(ordered_json& joined, const std::vector<MergedPart>& parts, const MergedCounts& counts) {
    ordered_json identity = parts.front().manifest.at("identity");
    for (const MergedPart& part : parts) identity = generate::with_served(identity, part.manifest.at("identity"));
    joined["identity"] = std::move(identity);
    joined["records"] = counts.records;
    joined["failed"] = counts.failed;
    joined["total"] = counts.total;
}

}  // namespace

void check_belongs(RunKind kind, const MergedPart& first, const MergedPart& other) {
    if (first.manifest.at("format") != other.manifest.at("format")) {
        refuse(first, other,
               fmt::format("one is {} and the other {}", first.manifest.at("format").dump(),
                           other.manifest.at("format").dump()));
    }
    if (kind == RunKind::Judge) return check_judging(first, other);
    const std::string difference =
        generate::difference_of_runs(first.manifest.at("identity"), other.manifest.at("identity"));
    if (!difference.empty()) refuse(first, other, difference);
}

std::size_t total_of(RunKind kind, const std::vector<MergedPart>& parts, std::size_t found, std::size_t repeated) {
    const auto is_finished = [](const MergedPart& part) {
        return part.manifest.value("finished", ordered_json()).is_string();
    };
    if (std::ranges::all_of(parts, is_finished)) return found;
    std::map<std::string, std::size_t> totals;  // by what they are about
    for (const MergedPart& part : parts) {
        std::string about = part.manifest.value("origin", ordered_json()).dump();
        if (kind == RunKind::Judge) {
            for (const ordered_json& judge : part.manifest.at("judges")) about += "|" + judge.at("name").dump();
        }
        std::size_t& total = totals[about];
        total = std::max(total, part.manifest.value("total", std::size_t{0}));
    }
    std::size_t sum = 0;
    for (const auto& [about, total] : totals) sum += total;
    return std::max(found, sum - std::min(sum, repeated));
}

ordered_json merged_manifest(RunKind kind, const std::vector<MergedPart>& parts, const MergedCounts& counts,
                             std::vector<std::string>& differing) {
    ordered_json joined = ordered_json::object();
    for (const MergedPart& some : parts) {  // others may have keys that the first has not
        for (const auto& [key, value] : some.manifest.items()) {
            const bool is_known = joined.contains(key) || std::ranges::find(differing, key) != differing.end();
            if (is_known || kOfOneRun.contains(key)) continue;
            const bool is_common = std::ranges::all_of(parts, [&](const MergedPart& part) {
                return part.manifest.contains(key) && part.manifest.at(key) == value;
            });
            if (is_common) {
                joined[key] = value;
            } else {
                differing.push_back(key);
            }
        }
    }
    joined["origin"] = joined_origin(parts);
    join_times(joined, parts, counts.records >= counts.total);
    if (kind == RunKind::Judge) {
        join_judging(joined, parts, counts);
    } else {
        join_answers(joined, parts, counts);
    }
    joined["merged"] = ordered_json::array();
    for (const MergedPart& part : parts) joined["merged"].push_back({{"run", part.name}, {"records", part.records}});
    return joined;
}

}  // namespace urial::app
