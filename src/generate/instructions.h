#pragma once

// What a batch run answers: a file of objects (item_file.h) with `instruction`, or with `messages` for more
// turns.

#include <cstddef>
#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json.hpp>

#include "prompt/prompt.h"

namespace urial::generate {

struct Instruction {
    std::string id;  ///< the object's `id` as text, else its position from 0
    prompt::Conversation conversation;
    nlohmann::ordered_json fields;  ///< the object as it was read; carried over into the record
    std::size_t line = 0;           ///< where it begins in the file, from 1, for messages
};

/// Reads the whole file. Throws Error{BadInput} that begins with the place for anything that is not an instruction, for
/// two objects with the same id, and for a file without any.
std::vector<Instruction> read_instructions(const std::filesystem::path& path);

/// Part `index` (from 1) of `count`: every count-th item, so that shards are of one mix. Parses "2/5".
struct Shard {
    std::size_t index = 1;
    std::size_t count = 1;
};
Shard parse_shard(std::string_view text);

/// Of the first `limit` items (0: all) those of the shard.
template <typename Item>
std::vector<Item> select(std::vector<Item> all, std::size_t limit, const Shard& shard) {
    std::vector<Item> selected;
    for (std::size_t i = 0; i < all.size() && (limit == 0 || i < limit); ++i) {
        if (i % shard.count == shard.index - 1) selected.push_back(std::move(all[i]));
    }
    return selected;
}

}  // namespace urial::generate
