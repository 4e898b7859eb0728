#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/files.h"
#include "base/text.h"
#include "generate/record.h"
#include "shift/original_measures.h"
#include "shift/record.h"
#include "shift/shift.h"

namespace urial::shift {
namespace {

using nlohmann::ordered_json;

/// What the records of a run have at every position.
std::vector<std::string> columns_of(bool is_bounded) {
    std::vector<std::string> columns{"base_rank", "aligned_rank", "base_logp", "aligned_logp"};
    if (is_bounded) {
        columns.insert(columns.end(), {"kl_ab_lower_bound", "tv_lower_bound", "tv_upper_bound"});
    } else {
        columns.insert(columns.end(), {"kl_ab", "kl_ba", "js", "tv", "base_entropy", "aligned_entropy"});
    }
    columns.insert(columns.end(), {"base_argmax", "aligned_argmax", "base_margin", "aligned_margin"});
    return columns;
}

std::string cell(const ordered_json& value) {
    if (value.is_null()) return "";
    return value.is_string() ? csv_field(value.get<std::string>()) : value.dump();
}

/// The columns of the original measures, which records with bounds do not have.
std::vector<std::string> original_columns(bool is_bounded) {
    if (is_bounded) return {};
    return {kOriginalNames.begin(), kOriginalNames.end()};
}

std::string header(bool is_bounded) {
    std::string line = "id,position,token,piece,class";
    for (const std::string& name : columns_of(is_bounded)) line += "," + name;
    for (const std::string& name : original_columns(is_bounded)) line += ",original_" + name;
    return line + "\n";
}

/// A rank that nobody knows is beyond every class but the last.
std::string_view class_of(const ordered_json& rank) {
    return class_name(rank.is_null() ? kUnknownRank : rank.get<std::uint64_t>());
}

/// A list that the record does not have gives empty cells: records of two kinds may have been put together.
std::string cell_of(const ordered_json& lists, const std::string& name, std::size_t position) {
    return lists.contains(name) ? cell(lists.at(name).at(position)) : "";
}

std::string rows_of(const ordered_json& record, bool is_bounded) {
    static const ordered_json kNone = ordered_json::object();
    const ordered_json& original = record.contains("original") ? record.at("original") : kNone;
    std::string rows;
    for (std::size_t i = 0; i < record.at("answer_ids").size(); ++i) {
        rows += fmt::format("{},{},{},{},{}", cell(record.at("id")), i, cell(record.at("answer_ids").at(i)),
                            cell(record.at("pieces").at(i)), class_of(record.at("base_rank").at(i)));
        for (const std::string& name : columns_of(is_bounded)) rows += "," + cell_of(record, name, i);
        for (const std::string& name : original_columns(is_bounded)) rows += "," + cell_of(original, name, i);
        rows += "\n";
    }
    return rows;
}

}  // namespace

void write_csv(const std::filesystem::path& folder, const std::filesystem::path& output) {
    AtomicFile file(output);
    std::optional<bool> is_bounded;  // as the first record is
    generate::SeenRecords seen;
    for_each_json_line(records_file(folder), [&](std::size_t line, ordered_json&& record) {
        if (generate::is_failure(record) || !seen.add(generate::record_key(record))) return;
        try {
            if (!is_bounded) {
                is_bounded = record.contains("kl_ab_lower_bound");
                file.write(header(*is_bounded));
            }
            file.write(rows_of(record, *is_bounded));
        } catch (const ordered_json::exception& failure) {
            throw error(ErrorKind::BadInput, "{}:{}: not a record of `urial shift`: {}", records_file(folder).string(),
                        line, failure.what());
        }
    });
    if (!is_bounded) file.write(header(/*is_bounded=*/false));
    file.commit();
}

}  // namespace urial::shift
