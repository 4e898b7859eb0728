// The data blocks of the page of shift runs; docs/report.md describes them.

#include <algorithm>
#include <bit>
#include <cctype>
#include <map>
#include <string_view>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/files.h"
#include "base/json_reader.h"
#include "report/frame.h"
#include "report/labels.h"
#include "report/packed.h"
#include "report/report.h"
#include "report/shift_run.h"
#include "shift/shift.h"

namespace urial::report {
namespace {

using nlohmann::ordered_json;

constexpr std::size_t kLargestPage = std::size_t{1} << 30;
/// Of the texts of one run in a page.
constexpr JsonLimits kPageLimits{.bytes = 256u << 20, .values = 8 << 20};

static_assert(std::endian::native == std::endian::little, "the page reads little-endian arrays");

/// Arrays one behind the other, and the layout by which the page cuts them apart again: [name, type, length].
class ColumnBlock {
public:
    void add(const char* name, const std::vector<std::uint32_t>& values) { add(name, "u32", values); }
    void add(const char* name, const std::vector<float>& values) { add(name, "f32", values); }
    void add(const char* name, const std::vector<std::uint16_t>& values) { add(name, "u16", values); }

    std::string take_bytes() { return std::move(bytes_); }
    const ordered_json& layout() const { return layout_; }

private:
    template <typename T>
    void add(const char* name, const char* type, const std::vector<T>& values) {
        bytes_.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
        layout_.push_back({name, type, values.size()});
    }
    std::string bytes_;
    ordered_json layout_ = ordered_json::array();
};

ColumnBlock column_block(const ShiftRun& run) {
    std::vector<std::uint32_t> lengths;
    for (const ShiftAnswer& answer : run.answers) lengths.push_back(answer.length);
    ColumnBlock block;
    block.add("lengths", lengths);
    block.add("token", run.token);
    block.add("base_argmax", run.base_argmax);
    block.add("aligned_argmax", run.aligned_argmax);
    block.add("base_rank", run.base_rank);
    block.add("aligned_rank", run.aligned_rank);
    for (std::size_t i = 0; i < std::size(kMeasures); ++i) {
        if (run.has_measure[i]) block.add(kMeasures[i].name, run.measures[i]);
    }
    return block;
}

/// The arrays of four bytes come first, so that every array begins at a multiple of its element's size.
ColumnBlock top_block(const ShiftRun& run) {
    ColumnBlock block;
    block.add("base_top", run.base_top.tokens);
    block.add("aligned_top", run.aligned_top.tokens);
    block.add("base_top_logp", run.base_top.logprobs);
    block.add("aligned_top_logp", run.aligned_top.logprobs);
    return block;
}

std::string texts_block(const ShiftRun& run) {
    ordered_json answers = ordered_json::array();
    for (const ShiftAnswer& answer : run.answers) {
        answers.push_back({{"id", answer.id}, {"instruction", answer.instruction}, {"tags", answer.tags}});
    }
    const ordered_json texts{
        {"tokens", run.tokens.texts()}, {"token_ids", run.tokens.ids()}, {"answers", std::move(answers)}};
    return texts.dump(-1, ' ', false, ordered_json::error_handler_t::replace);
}

std::string text_at(const ordered_json& object, const char* pointer) {
    const ordered_json::json_pointer path(pointer);
    return object.contains(path) && object[path].is_string() ? object[path].get<std::string>() : "";
}

/// "gemma-3-270m + style.gguf": the model of one side and its adapters, as the manifest names them.
std::string side_name(const ordered_json& manifest, const std::string& side) {
    std::string name = text_at(manifest, fmt::format("/identity/{}/model/name", side).c_str());
    if (name.empty()) name = side + " model";
    const ordered_json::json_pointer adapters(fmt::format("/identity/{}/adapters", side));
    if (!manifest.contains(adapters)) return name;
    for (const ordered_json& adapter : manifest[adapters]) {
        name += " + " + fs::path(text_at(adapter, "/file")).filename().string();
    }
    return name;
}

/// Of the model file of one side: "F32"; empty where the manifest does not say.
std::string weight_type(const ordered_json& manifest, const std::string& side) {
    return text_at(manifest, fmt::format("/identity/{}/model/weight_type", side).c_str());
}

ordered_json run_header(const ShiftRun& run, const std::string& label, const ColumnBlock& columns,
                        const ColumnBlock& top) {
    const std::string base_type = weight_type(run.manifest, "base");
    const std::string aligned_type = weight_type(run.manifest, "aligned");
    std::vector<std::string> warnings;
    if (std::string warning = shift::quantisation_warning(run.manifest); !warning.empty()) {
        warning.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(warning.front())));
        warnings.push_back(warning + ".");
    }
    const ordered_json::json_pointer left_out("/identity/vocabulary/left_out");
    if (run.manifest.contains(left_out) && run.manifest[left_out].is_number() && run.manifest[left_out] > 0) {
        warnings.push_back(fmt::format("{} token ids are not the same in both vocabularies and were left out.",
                                       run.manifest[left_out].dump()));
    }
    if (run.repeated > 0) {
        warnings.push_back(
            fmt::format("{} records stand in the run's file more than once; each answer counts once.", run.repeated));
    }
    return {{"label", label},
            {"pair", side_name(run.manifest, "base") + " → " + side_name(run.manifest, "aligned")},
            {"weights", base_type == aligned_type ? base_type : base_type + " → " + aligned_type},
            {"warnings", warnings},
            {"top_k", run.top_k},
            {"column_layout", columns.layout()},
            {"top_layout", top.layout()},
            {"manifest", run.manifest}};
}

}  // namespace

std::map<std::string, std::string> shift_page_items(const fs::path& html) {
    const std::string page = read_file(html, kLargestPage);
    std::map<std::string, std::string> items;
    for (std::size_t run = 0;; ++run) {
        const std::string mark = fmt::format("id=\"run-{}-texts\">", run);
        const std::size_t found = page.find(mark);
        if (found == std::string::npos) break;
        const std::size_t start = found + mark.size();
        const std::string packed = page.substr(start, page.find('<', start) - start);
        const std::optional<ordered_json> texts = try_parse_json(unpack(packed, kPageLimits.bytes), kPageLimits);
        if (!texts || !texts->is_object()) break;
        for (const ordered_json& answer : texts->value("answers", ordered_json::array())) {
            items.emplace(answer.value("id", ""), answer.value("instruction", ""));
        }
    }
    if (items.empty()) {
        throw error(ErrorKind::BadInput, "{}: no page of shift runs; `urial report SHIFT_RUN --html {}` makes one",
                    html.string(), html.string());
    }
    return items;
}

std::string run_format(const fs::path& run) {
    const fs::path path = run / "manifest.json";
    if (!fs::exists(path)) {
        throw error(ErrorKind::NotFound,
                    "{}: no run folder (it has no manifest.json); `urial shift` and `urial judge` make them",
                    run.string());
    }
    const ordered_json manifest = read_json_file(path);
    std::string format = manifest.is_object() ? text_at(manifest, "/format") : "";
    if (format.empty())
        throw error(ErrorKind::BadInput, "{}: no manifest of a run: it has no \"format\"", path.string());
    return format;
}

ShiftPage shift_page(const std::vector<fs::path>& runs, const ShiftPageOptions& options) {
    const std::vector<std::string> labels = run_labels(runs, options.labels);
    ShiftPage page;
    ordered_json headers = ordered_json::array();
    std::vector<DataBlock> blocks, late_blocks;
    for (std::size_t i = 0; i < runs.size(); ++i) {
        const ShiftRun run = read_shift_run(runs[i]);
        ColumnBlock columns = column_block(run);
        ColumnBlock top = top_block(run);
        headers.push_back(run_header(run, labels[i], columns, top));
        blocks.push_back({fmt::format("run-{}-texts", i), texts_block(run)});
        blocks.push_back({fmt::format("run-{}-columns", i), columns.take_bytes()});
        late_blocks.push_back({fmt::format("run-{}-top", i), top.take_bytes()});
        page.answers += run.answers.size();
        page.positions += run.positions;
    }
    page.html = page_html({.styles = {"page.css", "report.css"},
                           .scripts = {"report.js"},
                           .header = {{"format", "urial.report/1"}, {"title", options.title}, {"runs", headers}},
                           .blocks = std::move(blocks),
                           .late_blocks = std::move(late_blocks)});
    return page;
}

}  // namespace urial::report
