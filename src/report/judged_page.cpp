// The data of the page of judged runs; docs/report.md describes it. All numbers with an interval are computed here, so
// that page and tables never differ.

#include <set>

#include <fmt/format.h>

#include "report/frame.h"
#include "report/report.h"
#include "shift/record.h"
#include "shift/shift.h"

namespace urial::report {
namespace {

using eval::Json;

std::string records_block(const JudgedRun& run) {
    Json records = Json::array();
    for (const eval::EvalRecord& record : run.records) records.push_back(eval::to_json(record));
    return records.dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// The items that the page of shift runs has too.
std::set<std::string> linked_ids(std::span<const JudgedRun> runs, const JudgedPageOptions& options) {
    std::set<std::string> ids;
    for (const JudgedRun& run : runs) {
        for (const eval::EvalRecord& record : run.records) {
            const auto found = options.shift_items.find(record.item.id);
            if (found != options.shift_items.end() && found->second == record.item.instruction)
                ids.insert(found->first);
        }
    }
    return ids;
}

Json colours_json(const JudgedPageOptions& options, std::vector<DataBlock>& blocks) {
    Json described = Json::array();
    for (const ShiftColours& colours : options.colours) {
        blocks.push_back({fmt::format("colours-{}", described.size()),
                          Json(colours.answers).dump(-1, ' ', false, Json::error_handler_t::replace)});
        described.push_back({{"base", colours.base},
                             {"run", colours.run},
                             {"unshifted", colours.unshifted},
                             {"marginal", colours.marginal},
                             {"shifted", colours.shifted},
                             {"kl", eval::number_json(colours.kl)}});
    }
    return described;
}

}  // namespace

std::map<std::string, ColouredText> coloured_answers(const std::filesystem::path& run) {
    std::map<std::string, ColouredText> answers;
    shift::for_each_record(shift::records_file(run), [&](shift::ShiftRecord&& record) {
        ColouredText& text = answers[record.id];
        for (std::size_t i = 0; i < record.pieces.size(); ++i) {
            const auto found = static_cast<int>(shift::shift_class(record.base_rank[i])) + 1;
            if (text.empty() || text.back().first != found) text.emplace_back(found, "");
            text.back().second += record.pieces[i];
        }
    });
    return answers;
}

std::string judged_page(std::span<const JudgedRun> runs, std::span<const JudgedResult> results,
                        std::span<const RunDifference> differences, const JudgedPageOptions& options) {
    PageFrame frame{.styles = {"page.css", "judged.css"}, .scripts = {"judged.js"}};
    Json described = Json::array();
    for (std::size_t i = 0; i < runs.size(); ++i) {
        described.push_back(
            {{"label", runs[i].label}, {"result", to_json(results[i])}, {"manifest", runs[i].manifest}});
        frame.blocks.push_back({fmt::format("run-{}-records", i), records_block(runs[i])});
    }
    Json compared = Json::array();
    for (const RunDifference& difference : differences) {
        compared.push_back(
            {{"run", difference.label}, {"against", difference.against}, {"aspects", to_json(difference)}});
    }
    Json colours = colours_json(options, frame.blocks);
    frame.header = {{"format", "urial.judged-report/1"},
                    {"title", options.title},
                    {"shift", {{"address", options.shift_address}, {"ids", linked_ids(runs, options)}}},
                    {"colours", std::move(colours)},
                    {"shown_runs", options.shown_runs},
                    {"runs", std::move(described)},
                    {"differences", std::move(compared)}};
    return page_html(frame);
}

}  // namespace urial::report
