// Of the store: messages, and answers while they are written.

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "base/gzip.h"
#include "base/text.h"
#include "store/store_state.h"

namespace urial::store {
namespace {

constexpr std::size_t kMostBlockBytes = 64u << 20;  // unpacked

const std::string kMessageSelection =
    "SELECT m.id, p.id, m.role, m.content, m.created, m.state, m.error, m.details, m.answer, m.events, m.number "
    "FROM message m LEFT JOIN message p ON p.number = m.parent ";

Message read_message(const Query& row) {
    return {.id = row.text(0),
            .parent = row.maybe_text(1),
            .role = row.text(2),
            .content = row.text(3),
            .created = row.integer(4),
            .state = state_of(row.text(5)).value_or(MessageState::Failed),
            .error = row.maybe_text(6),
            .details = row.text(7),
            .answer = row.text(8),
            .events = static_cast<std::size_t>(row.integer(9))};
}

std::optional<std::string> text_or_null(const std::string& text) {
    return text.empty() ? std::nullopt : std::optional(text);
}

std::string joined_lines(std::span<const std::string> lines) {
    std::string text;
    for (const std::string& line : lines) text += line + "\n";
    return text;
}

}  // namespace

Message ConversationStore::State::message(std::int64_t number) {
    static const std::string sql = kMessageSelection + "WHERE m.number = ?";
    Query row(database, sql.c_str(), number);
    if (!row.next()) throw Error(ErrorKind::NotFound, "there is no such message");
    return read_message(row);
}

std::int64_t ConversationStore::State::insert_message(std::int64_t conversation, std::optional<std::int64_t> parent,
                                                      const Message& message) {
    check_size("content", message.content.size(), options.limits.content_bytes);
    check_size("details", message.details.size(), options.limits.details_bytes);
    const std::size_t bytes = message.content.size() + message.details.size() + message.answer.size() + kRowBytes;
    return database.insert(
        "INSERT INTO message (id, conversation, parent, role, content, created, state, error, details, answer, bytes) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        message.id, conversation, parent, message.role, message.content, message.created, name_of(message.state),
        message.error, message.details, text_or_null(message.answer), bytes);
}

std::vector<Message> ConversationStore::messages(std::string_view owner, std::string_view id) {
    const MutexLock lock(state_->mutex);
    static const std::string sql =
        kMessageSelection + "WHERE m.conversation = ? AND m.deleted IS NULL ORDER BY m.number";
    Query row(state_->database, sql.c_str(), state_->number_of(owner, id));
    std::vector<Message> messages;
    while (row.next()) messages.push_back(read_message(row));
    return messages;
}

std::vector<Message> ConversationStore::add(std::string_view owner, std::string_view id,
                                            std::span<const NewMessage> messages, std::size_t current) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    Transaction transaction(state.database);
    const std::int64_t conversation = state.number_of(owner, id);
    const auto count = state.database.number("SELECT count(*) FROM message WHERE conversation = ?", conversation);
    if (static_cast<std::size_t>(count) + messages.size() > state.options.limits.messages) {
        throw error(ErrorKind::BadInput, "the conversation has {} messages: at most {} are kept, deleted ones too",
                    count, state.options.limits.messages);
    }
    std::vector<Message> added;
    std::vector<std::int64_t> numbers;
    for (const NewMessage& message : messages) {
        std::optional<std::int64_t> parent;
        if (message.parent) parent = state.message_number(conversation, *message.parent);
        if (message.follows && !numbers.empty()) parent = numbers.back();
        Message made{.id = new_id(),
                     .parent = message.follows && !added.empty() ? std::optional(added.back().id) : message.parent,
                     .role = message.role,
                     .content = message.content,
                     .created = state.now(),
                     .state = message.state,
                     .error = std::nullopt,
                     .details = message.details,
                     .answer = message.answer};
        numbers.push_back(state.insert_message(conversation, parent, made));
        added.push_back(std::move(made));
    }
    state.check_room(owner, 0);
    if (current < numbers.size()) {
        state.database.run("UPDATE conversation SET current = ? WHERE number = ?", numbers[current], conversation);
    }
    state.touch(conversation);
    transaction.commit();
    return added;
}

Message ConversationStore::message(std::string_view owner, std::string_view id, std::string_view message) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    return state.message(state.message_number(state.number_of(owner, id), message));
}

Message ConversationStore::change_message(std::string_view owner, std::string_view id, std::string_view message,
                                          const MessageChange& change) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    Transaction transaction(state.database);
    const std::int64_t conversation = state.number_of(owner, id);
    const std::int64_t number = state.message_number(conversation, message);
    const Message before = state.message(number);
    const std::string& content = change.content.value_or(before.content);
    const std::string& details = change.details.value_or(before.details);
    check_size("content", content.size(), state.options.limits.content_bytes);
    check_size("details", details.size(), state.options.limits.details_bytes);
    const auto growth = static_cast<std::int64_t>(content.size() + details.size()) -
                        static_cast<std::int64_t>(before.content.size() + before.details.size());
    if (growth > 0) state.check_room(owner, static_cast<std::size_t>(growth));
    if (change.content) {
        state.database.run("UPDATE message SET content = ? WHERE number = ?", content, number);
    }
    state.database.run("UPDATE message SET details = ?, bytes = bytes + ? WHERE number = ?", details, growth, number);
    state.touch(conversation);
    transaction.commit();
    return state.message(number);
}

std::vector<std::string> ConversationStore::remove_message(std::string_view owner, std::string_view id,
                                                           std::string_view message) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    Transaction transaction(state.database);
    const std::int64_t conversation = state.number_of(owner, id);
    const std::int64_t number = state.message_number(conversation, message);
    std::vector<std::string> ids;
    std::vector<std::int64_t> numbers;
    {
        Query row(state.database,
                  "WITH RECURSIVE below (number) AS (SELECT ?1 UNION SELECT m.number FROM message m JOIN below b ON "
                  "m.parent = b.number WHERE m.deleted IS NULL) SELECT m.number, m.id FROM below b JOIN message m ON "
                  "m.number = b.number",
                  number);
        while (row.next()) {
            numbers.push_back(row.integer(0));
            ids.push_back(row.text(1));
        }
    }
    // Those that go together have one time, which no earlier deletion has.
    const Time when = std::max(state.now(), state.database.number("SELECT coalesce(max(deleted), 0) + 1 FROM message "
                                                                  "WHERE conversation = ?",
                                                                  conversation));
    for (const std::int64_t each : numbers) {
        state.database.run(
            "UPDATE conversation SET current = (SELECT parent FROM message WHERE number = ?1) WHERE "
            "number = ?2 AND current = ?3",
            number, conversation, each);
        state.database.run("UPDATE message SET deleted = ? WHERE number = ?", when, each);
    }
    state.touch(conversation);
    transaction.commit();
    return ids;
}

void ConversationStore::restore_message(std::string_view owner, std::string_view id, std::string_view message) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    Transaction transaction(state.database);
    const std::int64_t conversation = state.number_of(owner, id);
    const std::int64_t number = state.message_number(conversation, message, /*deleted=*/true);
    if (state.database.number("SELECT count(*) FROM message m JOIN message p ON p.number = m.parent WHERE m.number = ? "
                              "AND p.deleted IS NOT NULL",
                              number) > 0) {
        throw Error(ErrorKind::BadInput, "the message above this one is deleted: restore that first");
    }
    state.database.run(
        "WITH RECURSIVE below (number, deleted) AS (SELECT number, deleted FROM message WHERE number = ?1 UNION SELECT "
        "m.number, m.deleted FROM message m JOIN below b ON m.parent = b.number WHERE m.deleted = b.deleted) "
        "UPDATE message SET deleted = NULL WHERE number IN (SELECT number FROM below)",
        number);
    state.touch(conversation);
    transaction.commit();
}

void ConversationStore::take_back(std::span<const std::string> messages) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    Transaction transaction(state.database);
    for (const std::string& id : messages) {
        state.database.run(
            "UPDATE conversation SET current = (SELECT parent FROM message WHERE id = ?1) WHERE current "
            "= (SELECT number FROM message WHERE id = ?1)",
            id);
        state.database.run("DELETE FROM message WHERE id = ?", id);
    }
    transaction.commit();
}

void ConversationStore::State::save(const AnswerProgress& answer) {
    std::int64_t number = 0;
    std::int64_t conversation = 0;
    {
        Query row(database, "SELECT number, conversation FROM message WHERE id = ?", answer.message);
        if (!row.next()) return;
        number = row.integer(0);
        conversation = row.integer(1);
    }
    std::size_t packed = 0;
    if (!answer.events.empty()) {
        const std::string block = gzip(joined_lines(answer.events), /*level=*/1);
        packed = block.size() + kRowBytes;
        database.run("INSERT OR REPLACE INTO event_block (message, first, count, events) VALUES (?, ?, ?, ?)", number,
                     answer.first_event, answer.events.size(), Blob{block});
    }
    database.run(
        "UPDATE message SET bytes = bytes + ? + ? - length(CAST(content AS BLOB)), content = ?, state = ?, error = ?, "
        "answer = ?, events = ? WHERE number = ?",
        packed, answer.content.size(), answer.content, name_of(answer.state), answer.error, text_or_null(answer.answer),
        answer.first_event + answer.events.size(), number);
    database.run("UPDATE conversation SET updated = max(updated, ?) WHERE number = ?", now(), conversation);
}

void ConversationStore::save(std::span<const AnswerProgress> answers) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    Transaction transaction(state.database);
    for (const AnswerProgress& answer : answers) state.save(answer);
    transaction.commit();
}

std::optional<EventBlock> ConversationStore::events(std::string_view message, std::size_t from) {
    EventBlock block;
    std::string packed;
    {
        const MutexLock lock(state_->mutex);
        Query row(state_->database,
                  "SELECT b.first, b.count, b.events FROM message m JOIN event_block b ON b.message = m.number WHERE "
                  "m.id = ? AND b.first <= ? ORDER BY b.first DESC LIMIT 1",
                  message, from);
        if (!row.next()) return std::nullopt;
        block.first = static_cast<std::size_t>(row.integer(0));
        if (from >= block.first + static_cast<std::size_t>(row.integer(1))) return std::nullopt;
        packed = row.text(2);
    }
    const std::string text = gunzip(packed, kMostBlockBytes);
    for (const std::string_view line : split(text, '\n')) block.events.emplace_back(line);
    if (!block.events.empty()) block.events.pop_back();  // behind the last line's end
    return block;
}

}  // namespace urial::store
