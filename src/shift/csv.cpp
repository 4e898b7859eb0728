#include "base/error.h"
#include "base/files.h"
#include "generate/record.h"
#include "shift/original_measures.h"
#include "shift/shift.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

constexpr const char* kColumns[] = {
    "base_rank", "aligned_rank", "base_logp",       "aligned_logp", "kl_ab",          "kl_ba",       "js",
    "tv",        "base_entropy", "aligned_entropy", "base_argmax",  "aligned_argmax", "base_margin", "aligned_margin"};

std::string field(std::string_view text) {
    if (text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
    std::string quoted = "\"";
    for (const char c : text) {
        if (c == '"') quoted += '"';
        quoted += c;
    }
    return quoted + "\"";
}

std::string cell(const ordered_json& value) {
    if (value.is_null()) return "";
    return value.is_string() ? field(value.get<std::string>()) : value.dump();
}

std::string header() {
    std::string line = "id,position,token,piece,class";
    for (const char* name : kColumns) line += fmt::format(",{}", name);
    for (const std::string_view name : kOriginalNames) line += fmt::format(",original_{}", name);
    return line + "\n";
}

std::string_view class_name(std::uint64_t rank) {
    switch (shift_class(rank)) {
        case ShiftClass::Unshifted: return "unshifted";
        case ShiftClass::Marginal: return "marginal";
        case ShiftClass::Shifted: break;
    }
    return "shifted";
}

std::string rows_of(const ordered_json& record) {
    std::string rows;
    for (std::size_t i = 0; i < record.at("answer_ids").size(); ++i) {
        rows +=
            fmt::format("{},{},{},{},{}", cell(record.at("id")), i, cell(record.at("answer_ids").at(i)),
                        cell(record.at("pieces").at(i)), class_name(record.at("base_rank").at(i).get<std::uint64_t>()));
        for (const char* name : kColumns) rows += "," + cell(record.at(name).at(i));
        for (const std::string_view name : kOriginalNames) rows += "," + cell(record.at("original").at(name).at(i));
        rows += "\n";
    }
    return rows;
}

}  // namespace

void write_csv(const std::filesystem::path& folder, const std::filesystem::path& output) {
    AtomicFile file(output);
    file.write(header());
    generate::SeenRecords seen;
    for_each_json_line(records_file(folder), [&](std::size_t line, ordered_json&& record) {
        if (generate::is_failure(record) || !seen.add(record)) return;
        try {
            file.write(rows_of(record));
        } catch (const ordered_json::exception& failure) {
            throw error(ErrorKind::BadInput, "{}:{}: not a record of `urial shift`: {}", records_file(folder).string(),
                        line, failure.what());
        }
    });
    file.commit();
}

}  // namespace urial::shift
