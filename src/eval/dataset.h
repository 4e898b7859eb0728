#pragma once

// Instructions and answers from the files that people have: just-eval, Alpaca, MT-bench, plain instruction/output;
// JSON arrays or JSON lines, gzip or not. docs/judging.md lists the fields of each form.

#include <cstddef>
#include <filesystem>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "eval/record.h"
#include "generate/item_file.h"

namespace urial::eval {

struct AnsweredItem {
    Item item;
    Answer answer;
};

/// One object of any of the forms. `index` becomes the id where the object has none. Throws Error{BadInput} naming the
/// field that is missing or has another type than it should.
Item item_from_json(const Json& json, std::size_t index);
/// The same, and an answer has to be there: "output", "outputs" with one text per turn, or "answer".
AnsweredItem answered_item_from_json(const Json& json, std::size_t index);

/// Throws Error{BadInput} that begins with the place in the file; two items with one id are an error.
std::vector<Item> load_items(const std::filesystem::path& path);

struct LoadedAnswers : generate::LeftOut {
    std::vector<AnsweredItem> answers;
};
/// Answers of several samples are items of their own: sample 1 of item "7" has the id "7#1" (sample 0 keeps it).
LoadedAnswers load_answers(const std::filesystem::path& path);

/// Items by id, for records that lack their tags.
class ItemIndex {
public:
    ItemIndex() = default;
    explicit ItemIndex(std::vector<Item> items);
    void add(Item item);

    /// Gives `item` all that the index has of it; a category of its own stays where the index has none. False when the
    /// index has no such item. Throws Error{BadInput} when it has another instruction.
    bool complete(Item& item) const;

private:
    std::map<std::string, Item> items_;
};

/// Which items to keep. All conditions must hold.
struct Filter {
    std::vector<std::pair<std::string, std::string>> where;  ///< field and value, as parse_condition() gives them
    std::optional<std::set<std::string>> ids;                ///< a subset
    std::size_t limit = 0;                                   ///< the first so many that pass; 0: all

    bool accepts(const Item& item) const;  ///< without the limit
};

/// "task=coding" -> {"task", "coding"}. Fields: id, task, topic, difficulty, category, dataset, source_id. A tag field
/// is fulfilled when any of the item's tags is the value. Throws Error{BadInput} with the field names.
std::pair<std::string, std::string> parse_condition(std::string_view text);

/// The ids of the subset `name` in a JSON file of id lists: every list whose key begins with `name` and an underscore
/// or equals it. A plain array is a subset whatever the name. Throws Error{NotFound} with the names that the file has.
std::set<std::string> load_subset(const std::filesystem::path& path, std::string_view name);

template <typename Value, typename Projection>
std::vector<Value> keep(std::vector<Value> values, const Filter& filter, Projection item_of) {
    std::vector<Value> kept;
    for (Value& value : values) {
        if (filter.limit != 0 && kept.size() == filter.limit) break;
        if (filter.accepts(item_of(value))) kept.push_back(std::move(value));
    }
    return kept;
}

}  // namespace urial::eval
