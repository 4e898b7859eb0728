#include "retrieve/pool.h"

#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/hash.h"
#include "base/text.h"
#include "generate/item_file.h"

namespace urial::retrieve {
namespace {

using nlohmann::ordered_json;

[[noreturn]] void refuse(std::string_view what) { throw error(ErrorKind::BadInput, "{}", what); }

std::string text_of(const ordered_json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) {
        refuse(fmt::format("an example needs \"{}\", a string", key));
    }
    return found->get<std::string>();
}

/// Alpaca's templates put the input on lines of its own behind the instruction.
void take_instruction(const ordered_json& fields, PoolExample& example) {
    example.question = text_of(fields, "instruction");
    if (fields.contains("input") && fields["input"].is_string()) {
        const auto input = fields["input"].get<std::string>();
        if (!trim(input).empty()) example.question += "\n\n" + input;
    }
    example.answer = text_of(fields, "output");
}

void take_messages(const ordered_json& messages, PoolExample& example) {
    if (!messages.is_array()) refuse("\"messages\" must be a list of {\"role\", \"content\"}");
    std::size_t at = 0;
    const auto next = [&](std::string_view role) {
        if (at >= messages.size() || !messages[at].is_object() || messages[at].value("role", "") != role) {
            refuse("\"messages\" must begin with a user's message and the assistant's answer");
        }
        return text_of(messages[at++], "content");
    };
    if (!messages.empty() && messages[0].is_object() && messages[0].value("role", "") == "system") ++at;
    example.question = next("user");
    example.answer = next("assistant");
}

}  // namespace

std::string normalized_question(std::string_view question) {
    std::string normalized;
    for (const char c : trim(question)) {
        const bool is_space = c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f' || c == '\v';
        if (!is_space) {
            normalized += c;
        } else if (!normalized.ends_with(' ')) {
            normalized += ' ';
        }
    }
    return normalized;
}

Pool read_pool(const std::filesystem::path& path) {
    Pool pool;
    Sha256 hash;
    std::set<std::string> questions;
    const generate::LeftOut left_out = generate::for_each_answer(path, [&](generate::FileItem&& item) {
        PoolExample example;
        example.id = generate::item_id(item.fields, item.position);
        if (item.fields.contains("messages")) {
            take_messages(item.fields["messages"], example);
        } else {
            take_instruction(item.fields, example);
        }
        std::string question = normalized_question(example.question);
        if (question.empty() || trim(example.answer).empty() || !questions.insert(std::move(question)).second) {
            ++pool.left_out;
            return;
        }
        hash.update(ordered_json({example.id, example.question, example.answer})
                        .dump(-1, ' ', false, ordered_json::error_handler_t::replace));
        pool.examples.push_back(std::move(example));
    });
    pool.left_out += left_out.failed + left_out.repeated;
    if (pool.examples.empty()) throw error(ErrorKind::BadInput, "{}: holds no example", path.string());
    pool.content_hash = hash.finish_hex();
    return pool;
}

}  // namespace urial::retrieve
