#include "retrieve/pool.h"

#include <optional>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/text.h"
#include "generate/item_file.h"

namespace urial::retrieve {
namespace {

using nlohmann::ordered_json;

/// Empty where the field is not there or null.
std::string text_of(const ordered_json& fields, const char* name) {
    const auto found = fields.find(name);
    if (found == fields.end() || found->is_null()) return "";
    if (!found->is_string()) throw error(ErrorKind::BadInput, "\"{}\" must be a string", name);
    return found->get<std::string>();
}

/// The first message of a user and the assistant's behind it.
Example from_messages(const ordered_json& messages) {
    if (!messages.is_array())
        throw Error(ErrorKind::BadInput, "\"messages\" must be a list of {\"role\", \"content\"}");
    Example example;
    bool has_question = false;
    for (const ordered_json& message : messages) {
        if (!message.is_object()) throw Error(ErrorKind::BadInput, "each message must be an object");
        const std::string role = text_of(message, "role");
        if (!has_question && role == "user") {
            example.instruction = text_of(message, "content");
            has_question = true;
        } else if (has_question) {
            if (role == "assistant") example.answer = text_of(message, "content");
            break;
        }
    }
    return example;
}

Example from_fields(const ordered_json& fields) {
    if (fields.contains("messages")) return from_messages(fields["messages"]);
    if (!fields.contains("instruction")) {
        throw Error(ErrorKind::BadInput,
                    "the object has neither \"instruction\" with \"output\" nor \"messages\"; no form of a pool");
    }
    Example example{text_of(fields, "instruction"), text_of(fields, "output")};
    if (const std::string input = text_of(fields, "input"); !trim(input).empty()) example.instruction += "\n\n" + input;
    return example;
}

}  // namespace

Pool read_pool(const std::filesystem::path& path) {
    Pool pool;
    const generate::LeftOut left_out = generate::for_each_answer(path, [&](generate::FileItem&& item) {
        Example example = from_fields(item.fields);
        if (trim(example.instruction).empty() || trim(example.answer).empty()) {
            ++pool.left_out;
        } else {
            pool.examples.push_back(std::move(example));
        }
    });
    pool.left_out += left_out.failed + left_out.repeated;
    if (pool.examples.empty()) {
        throw error(ErrorKind::BadInput, "{}: holds no answered instruction ({} without)", path.string(),
                    pool.left_out);
    }
    return pool;
}

}  // namespace urial::retrieve
