#pragma once

// Files of instructions and of answers as people and programs have them: a JSON array of objects or JSON lines, packed
// with gzip or not. The one reader of them: what their fields mean is for its callers to say. Functions; no state.

#include <cstddef>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace urial::generate {

struct FileItem {
    nlohmann::ordered_json fields;  ///< an object
    std::size_t position = 0;       ///< in the file, from 0
    std::size_t line = 0;           ///< where it begins, from 1
};

/// Calls `take` for each object of the file. What is no object, and what `take` throws an Error for, is an Error that
/// begins with the place: "FILE:7: ", in an array, which may be all on one line, "FILE: value 3 (line 7): ".
void for_each_item(const std::filesystem::path& path, const std::function<void(FileItem&&)>& take);

/// What a file of answers holds beside them.
struct LeftOut {
    std::size_t failed = 0;    ///< records with an `error` in the place of an answer
    std::size_t repeated = 0;  ///< records that stand there again, by their `key`
};

/// Likewise for a file of answers; what is left out still counts as a position.
LeftOut for_each_answer(const std::filesystem::path& path, const std::function<void(FileItem&&)>& take);

/// The first of these fields that is there and not null, as text; else `position`. Throws Error{BadInput} where it is
/// neither a string nor a whole number.
std::string item_id(const nlohmann::ordered_json& fields, std::size_t position,
                    std::initializer_list<std::string_view> names = {"id"});

/// The ids of a file.
class UniqueIds {
public:
    /// Throws Error{BadInput} for one that is there.
    void add(const std::string& id);

private:
    std::set<std::string> ids_;
};

}  // namespace urial::generate
