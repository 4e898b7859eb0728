#include "generate/item_file.h"

#include <utility>

#include "base/error.h"
#include "base/json_stream.h"
#include "generate/record.h"

namespace urial::generate {

using nlohmann::ordered_json;

void for_each_item(const std::filesystem::path& path, const std::function<void(FileItem&&)>& take) {
    for_each_json_value(path, [&](const JsonPlace& place, ordered_json&& value) {
        try {
            if (!value.is_object()) {
                throw error(ErrorKind::BadInput, "it is {}; each item must be a JSON object", value.type_name());
            }
            take({std::move(value), place.index, place.line});
        } catch (const Error& problem) {
            throw error(problem.kind(), "{}: {}", place.name(path), problem.what());
        } catch (const ordered_json::exception& problem) {  // a field of another type than the caller takes
            throw error(ErrorKind::BadInput, "{}: {}", place.name(path), problem.what());
        }
    });
}

LeftOut for_each_answer(const std::filesystem::path& path, const std::function<void(FileItem&&)>& take) {
    LeftOut left_out;
    SeenRecords seen;
    for_each_item(path, [&](FileItem&& item) {
        if (is_failure(item.fields)) {
            ++left_out.failed;
        } else if (seen.add(record_key(item.fields))) {
            take(std::move(item));
        }
    });
    left_out.repeated = seen.repeated();
    return left_out;
}

std::string item_id(const ordered_json& fields, std::size_t position, std::initializer_list<std::string_view> names) {
    for (const std::string_view name : names) {
        const auto id = fields.find(name);
        if (id == fields.end() || id->is_null()) continue;
        if (id->is_string()) return id->get<std::string>();
        if (id->is_number_integer()) return id->dump();
        throw error(ErrorKind::BadInput, "\"{}\" must be a string or a whole number", name);
    }
    return std::to_string(position);
}

void UniqueIds::add(const std::string& id) {
    if (!ids_.insert(id).second) throw error(ErrorKind::BadInput, "id {} occurs twice; ids must be unique", id);
}

}  // namespace urial::generate
