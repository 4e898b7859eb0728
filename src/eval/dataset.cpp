#include "eval/dataset.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "base/json_reader.h"
#include "base/text.h"
#include "generate/item_file.h"

namespace urial::eval {
namespace {

[[noreturn]] void refuse_type(const Json& value, std::string_view field, std::string_view wanted) {
    throw error(ErrorKind::BadInput, "field \"{}\" is {}, {} is needed", field, value.type_name(), wanted);
}

/// A field that may be absent or null.
const Json* field(const Json& json, std::string_view key) {
    const auto found = json.find(key);
    return found == json.end() || found->is_null() ? nullptr : &*found;
}

std::string text_of(const Json& json, std::string_view key) {
    const Json* value = field(json, key);
    if (value == nullptr) return {};
    if (!value->is_string()) refuse_type(*value, key, "a text");
    return value->get<std::string>();
}

/// A list of texts; one text alone counts as a list of one.
std::vector<std::string> texts_of(const Json& json, std::string_view key) {
    const Json* value = field(json, key);
    if (value == nullptr) return {};
    if (value->is_string()) return {value->get<std::string>()};
    if (!value->is_array()) refuse_type(*value, key, "a list of texts");
    std::vector<std::string> texts;
    for (const Json& entry : *value) {
        if (!entry.is_string()) refuse_type(entry, key, "a list of texts");
        texts.push_back(entry.get<std::string>());
    }
    return texts;
}

std::vector<std::string> first_present(const Json& json, std::string_view key, std::string_view other) {
    return field(json, key) != nullptr ? texts_of(json, key) : texts_of(json, other);
}

void read_question(const Json& json, Item& item) {
    if (field(json, "turns") != nullptr) {
        std::vector<std::string> turns = texts_of(json, "turns");
        if (turns.empty()) throw Error(ErrorKind::BadInput, "field \"turns\" is empty, one text per turn is needed");
        item.instruction = std::move(turns.front());
        item.follow_ups.assign(std::make_move_iterator(turns.begin() + 1), std::make_move_iterator(turns.end()));
        return;
    }
    if (field(json, "instruction") == nullptr) {
        throw Error(ErrorKind::BadInput, "it has neither \"instruction\" nor \"turns\"");
    }
    item.instruction = text_of(json, "instruction");
    // Alpaca keeps the material that an instruction is about apart from it.
    const std::string material = text_of(json, "input");
    if (!material.empty()) item.instruction += "\n\n" + material;
}

using Field = std::string Item::*;
constexpr std::array<std::pair<std::string_view, Field>, 5> kTextFields{{{"id", &Item::id},
                                                                         {"difficulty", &Item::difficulty},
                                                                         {"category", &Item::category},
                                                                         {"dataset", &Item::dataset},
                                                                         {"source_id", &Item::source_id}}};

bool fulfils(const Item& item, std::string_view key, const std::string& value) {
    if (key == "task") return std::ranges::find(item.task, value) != item.task.end();
    if (key == "topic") return std::ranges::find(item.topic, value) != item.topic.end();
    for (const auto& [field_name, member] : kTextFields) {
        if (field_name == key) return item.*member == value;
    }
    return false;
}

}  // namespace

Item item_from_json(const Json& json, std::size_t index) {
    Item item;
    item.id = generate::item_id(json, index, {"id", "question_id"});
    read_question(json, item);
    item.references = first_present(json, "references", "reference");
    item.source_id = text_of(json, "source_id");
    item.dataset = text_of(json, "dataset");
    item.category = text_of(json, "category");
    item.task = first_present(json, "task", "task_types");
    item.topic = first_present(json, "topic", "topics");
    item.difficulty = text_of(json, "difficulty");
    return item;
}

AnsweredItem answered_item_from_json(const Json& json, std::size_t index) {
    AnsweredItem answered{item_from_json(json, index), {}};
    std::vector<std::string> outputs = first_present(json, "outputs", "output");
    if (outputs.empty()) outputs = texts_of(json, "answer");  // a record of `urial shift`
    if (outputs.empty()) {
        throw Error(ErrorKind::BadInput, "it has no \"output\" (nor \"outputs\", one per turn, nor \"answer\")");
    }
    if (outputs.size() > answered.item.follow_ups.size() + 1) {
        throw error(ErrorKind::BadInput, "it has {} outputs for {} turns", outputs.size(),
                    answered.item.follow_ups.size() + 1);
    }
    answered.answer.output = std::move(outputs.front());
    answered.answer.follow_ups.assign(std::make_move_iterator(outputs.begin() + 1),
                                      std::make_move_iterator(outputs.end()));
    answered.answer.generator = text_of(json, "generator");
    return answered;
}

std::vector<Item> load_items(const std::filesystem::path& path) {
    std::vector<Item> items;
    generate::UniqueIds ids;
    generate::for_each_item(path, [&](generate::FileItem&& read) {
        Item item = item_from_json(read.fields, read.position);
        ids.add(item.id);
        items.push_back(std::move(item));
    });
    return items;
}

LoadedAnswers load_answers(const std::filesystem::path& path) {
    LoadedAnswers loaded;
    generate::UniqueIds ids;
    static_cast<generate::LeftOut&>(loaded) = generate::for_each_answer(path, [&](generate::FileItem&& read) {
        AnsweredItem answered = answered_item_from_json(read.fields, read.position);
        const Json* sample = field(read.fields, "sample");
        if (sample != nullptr && sample->is_number_unsigned() && *sample != 0) {
            answered.item.id += "#" + sample->dump();
        }
        ids.add(answered.item.id);
        loaded.answers.push_back(std::move(answered));
    });
    return loaded;
}

ItemIndex::ItemIndex(std::vector<Item> items) {
    for (Item& item : items) add(std::move(item));
}

void ItemIndex::add(Item item) { items_.insert_or_assign(item.id, std::move(item)); }

bool ItemIndex::complete(Item& item) const {
    const std::string_view id = item.id;
    const auto found = items_.find(std::string(id.substr(0, id.find('#'))));
    if (found == items_.end()) return false;
    if (found->second.instruction != item.instruction) {
        throw error(ErrorKind::BadInput, "id {} is another instruction in the items than in the answers", item.id);
    }
    const Item before = std::exchange(item, found->second);
    item.id = before.id;
    if (item.category.empty()) item.category = before.category;
    return true;
}

bool Filter::accepts(const Item& item) const {
    if (ids && !ids->contains(item.id)) return false;
    return std::ranges::all_of(where, [&](const auto& entry) { return fulfils(item, entry.first, entry.second); });
}

std::pair<std::string, std::string> parse_condition(std::string_view text) {
    const std::size_t sign = text.find('=');
    std::vector<std::string> names{"task", "topic"};
    for (const auto& [field_name, member] : kTextFields) names.emplace_back(field_name);
    const std::string key(text.substr(0, sign));
    if (sign == std::string_view::npos || sign + 1 == text.size() || std::ranges::find(names, key) == names.end()) {
        throw error(ErrorKind::BadInput, "condition \"{}\": FIELD=VALUE is needed, FIELD one of {}{}", text,
                    fmt::join(names, ", "), did_you_mean(key, names));
    }
    return {key, std::string(text.substr(sign + 1))};
}

std::set<std::string> load_subset(const std::filesystem::path& path, std::string_view name) {
    const Json json = read_json_file(path);
    std::set<std::string> ids;
    const auto add = [&](const Json& list) {
        for (const Json& id : list) ids.insert(id.is_string() ? id.get<std::string>() : id.dump());
    };
    if (json.is_array()) {
        add(json);
        return ids;
    }
    if (!json.is_object()) throw error(ErrorKind::BadInput, "{}: a JSON object of id lists is needed", path.string());
    std::vector<std::string> names;
    for (const auto& [key, list] : json.items()) {
        if (!list.is_array()) continue;
        names.push_back(key);
        if (key == name || key.starts_with(std::string(name) + "_")) add(list);
    }
    if (ids.empty()) {
        throw error(ErrorKind::NotFound, "{}: has no subset \"{}\"; it has {}", path.string(), name,
                    fmt::join(names, ", "));
    }
    return ids;
}

}  // namespace urial::eval
