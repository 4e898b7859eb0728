#include "report/shift_run.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"

namespace urial::report {
namespace {

std::uint16_t packed_logprob(double logprob_nats) {
    if (!(logprob_nats > -63.0)) return TopLists::kAbsent - 1;
    return static_cast<std::uint16_t>(std::lround(-std::min(logprob_nats, 0.0) * 1024));
}

void add_top(ShiftRun& run, TopLists& lists, const std::vector<std::vector<shift::TopToken>>& positions) {
    for (const std::vector<shift::TopToken>& candidates : positions) {
        if (run.top_k == 0) run.top_k = static_cast<std::uint32_t>(std::max<std::size_t>(1, candidates.size()));
        for (std::size_t i = 0; i < run.top_k; ++i) {
            const bool is_there = i < candidates.size();
            lists.tokens.push_back(is_there ? run.tokens.index_of(candidates[i].token) : 0);
            lists.logprobs.push_back(is_there ? packed_logprob(candidates[i].logp) : TopLists::kAbsent);
        }
    }
}

void add_record(ShiftRun& run, shift::ShiftRecord&& record) {
    const std::size_t length = record.answer_ids.size();
    for (std::size_t i = 0; i < length; ++i) {
        run.token.push_back(run.tokens.index_of(record.answer_ids[i], record.pieces[i]));
    }
    for (const auto& [id, text] : record.top_pieces) run.tokens.index_of(id, text);
    for (const shift::Token id : record.base_argmax) run.base_argmax.push_back(run.tokens.index_of(id));
    for (const shift::Token id : record.aligned_argmax) run.aligned_argmax.push_back(run.tokens.index_of(id));
    run.base_rank.insert(run.base_rank.end(), record.base_rank.begin(), record.base_rank.end());
    run.aligned_rank.insert(run.aligned_rank.end(), record.aligned_rank.begin(), record.aligned_rank.end());
    for (std::size_t i = 0; i < std::size(kMeasures); ++i) {
        const std::vector<double>& values = record.*kMeasures[i].values;
        run.has_measure[i] = run.has_measure[i] || !values.empty();
        for (std::size_t position = 0; position < length; ++position) {
            const bool is_there = position < values.size() && std::isfinite(values[position]);
            run.measures[i].push_back(is_there ? static_cast<float>(values[position])
                                               : std::numeric_limits<float>::quiet_NaN());
        }
    }
    add_top(run, run.base_top, record.base_top);
    add_top(run, run.aligned_top, record.aligned_top);
    run.answers.push_back({std::move(record.id), std::move(record.instruction), std::move(record.tags),
                           static_cast<std::uint32_t>(length)});
    run.positions += length;
}

}  // namespace

std::uint32_t TokenTable::add(std::int64_t id) {
    const auto [place, fresh] = indices_.try_emplace(id, static_cast<std::uint32_t>(ids_.size()));
    if (fresh) {
        ids_.push_back(id);
        texts_.push_back(fmt::format("[{}]", id));
        named_.push_back(false);
    }
    return place->second;
}

std::uint32_t TokenTable::index_of(std::int64_t id) { return add(id); }

std::uint32_t TokenTable::index_of(std::int64_t id, const std::string& text) {
    const std::uint32_t index = add(id);
    if (!named_[index]) {
        texts_[index] = text;
        named_[index] = true;
    }
    return index;
}

nlohmann::ordered_json read_manifest(const fs::path& folder) {
    const fs::path file = shift::manifest_file(folder);
    nlohmann::ordered_json manifest = read_json_file(file);
    if (!manifest.is_object()) throw error(ErrorKind::BadInput, "{}: not a JSON object", file.string());
    return manifest;
}

void require_positions(std::size_t positions, const fs::path& folder) {
    if (positions > 0) return;
    throw error(ErrorKind::BadInput, "{}: no analysed answer in it; let `urial shift` finish at least one",
                shift::records_file(folder).string());
}

ShiftRun read_shift_run(const fs::path& folder) {
    ShiftRun run;
    run.manifest = read_manifest(folder);
    run.repeated = shift::for_each_record(shift::records_file(folder),
                                          [&](shift::ShiftRecord&& record) { add_record(run, std::move(record)); });
    require_positions(run.positions, folder);
    return run;
}

}  // namespace urial::report
