#include "store/conversation_store.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include <fmt/format.h>
#include <openssl/rand.h>

#include "base/error.h"
#include "base/text.h"
#include "store/schema.h"
#include "store/store_state.h"

namespace urial::store {
namespace {

constexpr std::size_t kPageBytes = 4096;

}  // namespace

std::string_view name_of(MessageState state) {
    switch (state) {
        case MessageState::Done: return "done";
        case MessageState::Writing: return "writing";
        case MessageState::Stopped: return "stopped";
        case MessageState::Failed: break;
    }
    return "failed";
}

std::optional<MessageState> state_of(std::string_view name) {
    for (const MessageState state :
         {MessageState::Done, MessageState::Writing, MessageState::Stopped, MessageState::Failed}) {
        if (name == name_of(state)) return state;
    }
    return std::nullopt;
}

std::string new_id() {
    constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    unsigned char bytes[22];
    if (RAND_bytes(bytes, sizeof(bytes)) != 1) throw Error(ErrorKind::Io, "the system gives no random numbers");
    std::string id;
    for (const unsigned char byte : bytes) id += kDigits[byte % kDigits.size()];
    return id;
}

bool is_id(std::string_view text) {
    return text.size() == 22 && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
                      c == '_';
           });
}

Conversation read_conversation(const Query& row) {
    return {.id = row.text(1),
            .kind = row.text(2),
            .title = row.text(3),
            .settings = {},
            .current = row.maybe_text(4),
            .created = row.integer(5),
            .updated = row.integer(6),
            .revision = row.integer(7),
            .deleted = row.maybe_integer(8),
            .messages = static_cast<std::size_t>(row.integer(9))};
}

void check_size(std::string_view what, std::size_t bytes, std::size_t most) {
    if (bytes <= most) return;
    throw error(ErrorKind::BadInput, "{} has {} bytes: at most {} are kept", what, bytes, most);
}

StoreFile::StoreFile(const fs::path& folder) {
    if (folder.empty()) return;
    make_directories(folder, 0700);
    path = folder / "conversations.db";
    lock.emplace(folder / "conversations.lock", fmt::format("{} (by another server)", path.string()));
}

void ConversationStore::State::prepare() {
    database.script("PRAGMA cell_size_check = ON; PRAGMA temp_store = MEMORY");
    bring_up_to_date(database);
    database.script("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON");
    const std::size_t most =
        options.folder.empty() ? std::min(kMostBytesInMemory, options.limits.file_bytes) : options.limits.file_bytes;
    database.script(fmt::format("PRAGMA max_page_count = {}", most / kPageBytes).c_str());
    database.run("UPDATE message SET state = 'stopped' WHERE state = 'writing'");
    purge();
    database.trust();
}

Time ConversationStore::State::now() const {
    if (options.clock) return options.clock();
    using namespace std::chrono;
    return duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
}

std::int64_t ConversationStore::State::number_of(std::string_view owner, std::string_view id) {
    Query row(database, "SELECT number FROM conversation WHERE id = ? AND owner = ?", id, owner);
    if (!row.next()) throw Error(ErrorKind::NotFound, "there is no such conversation");
    return row.integer(0);
}

std::int64_t ConversationStore::State::message_number(std::int64_t conversation, std::string_view id, bool deleted) {
    Query row(database, "SELECT number, deleted FROM message WHERE id = ? AND conversation = ?", id, conversation);
    if (!row.next() || row.maybe_integer(1).has_value() != deleted) {
        throw error(ErrorKind::NotFound, "there is no such message{}", deleted ? " that was deleted" : "");
    }
    return row.integer(0);
}

Conversation ConversationStore::State::find(std::string_view owner, std::string_view id) {
    static const std::string sql =
        "SELECT " + kConversationColumns + ", c.settings FROM conversation c WHERE c.id = ? AND c.owner = ?";
    Query row(database, sql.c_str(), id, owner);
    if (!row.next()) throw Error(ErrorKind::NotFound, "there is no such conversation");
    Conversation found = read_conversation(row);
    found.settings = row.text(kConversationColumnCount);
    return found;
}

void ConversationStore::State::touch(std::int64_t conversation) {
    database.run("UPDATE conversation SET updated = max(updated, ?), revision = revision + 1 WHERE number = ?", now(),
                 conversation);
}

void ConversationStore::State::check_room(std::string_view owner, std::size_t bytes) {
    const auto taken = static_cast<std::size_t>(
        database.number("SELECT coalesce(sum(bytes), 0) FROM conversation WHERE owner = ?", owner));
    if (taken + bytes <= options.limits.owner_bytes) return;
    throw error(ErrorKind::BadInput,
                "your conversations take {}: at most {} are kept. Export some, and delete them for good",
                human_bytes(static_cast<double>(taken)), human_bytes(static_cast<double>(options.limits.owner_bytes)));
}

void ConversationStore::State::check_texts(const std::string& title, const std::string& settings) const {
    check_size("title", title.size(), options.limits.title_bytes);
    check_size("settings", settings.size(), options.limits.settings_bytes);
}

std::int64_t ConversationStore::State::insert_conversation(std::string_view owner, const Conversation& conversation) {
    check_texts(conversation.title, conversation.settings);
    const std::size_t bytes = conversation.title.size() + conversation.settings.size() + kRowBytes;
    check_room(owner, bytes);
    const auto count = database.number("SELECT count(*) FROM conversation WHERE owner = ?", owner);
    if (static_cast<std::size_t>(count) >= options.limits.conversations) {
        throw error(ErrorKind::BadInput, "there are {} conversations: no more are kept. Delete some for good", count);
    }
    return database.insert(
        "INSERT INTO conversation (id, owner, kind, title, settings, created, updated, bytes) VALUES (?, ?, ?, ?, ?, "
        "?, ?, ?)",
        conversation.id, owner, conversation.kind, conversation.title, conversation.settings, conversation.created,
        conversation.updated, bytes);
}

std::string ConversationStore::State::free_id(const char* sql, const std::string& wanted) {
    return is_id(wanted) && database.number(sql, wanted) == 0 ? wanted : new_id();
}

void ConversationStore::State::purge() {
    const Time until = now() - options.kept_in_bin;
    const auto gone = database.run("DELETE FROM conversation WHERE deleted IS NOT NULL AND deleted < ?", until);
    if (gone > 0) database.script("PRAGMA incremental_vacuum");
}

ConversationStore::ConversationStore(StoreOptions options) : state_(std::make_unique<State>(std::move(options))) {}

ConversationStore::~ConversationStore() = default;

const std::filesystem::path& ConversationStore::file() const { return state_->file.path; }

Conversation ConversationStore::create(std::string_view owner, std::string_view kind, std::string_view title,
                                       std::string_view settings) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    Transaction transaction(state.database);
    Conversation made;
    made.id = new_id();
    made.kind = kind;
    made.title = title;
    made.settings = settings;
    made.created = made.updated = state.now();
    state.insert_conversation(owner, made);
    transaction.commit();
    return made;
}

Conversation ConversationStore::find(std::string_view owner, std::string_view id) {
    const MutexLock lock(state_->mutex);
    return state_->find(owner, id);
}

std::optional<Conversation> ConversationStore::change(std::string_view owner, std::string_view id,
                                                      const ConversationChange& change) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    Transaction transaction(state.database);
    Conversation now = state.find(owner, id);
    if (change.revision && *change.revision != now.revision) return std::nullopt;
    const std::int64_t number = state.number_of(owner, id);
    const std::size_t before = now.title.size() + now.settings.size();
    if (change.title) now.title = *change.title;
    if (change.settings) now.settings = *change.settings;
    state.check_texts(now.title, now.settings);
    const std::size_t after = now.title.size() + now.settings.size();
    if (after > before) state.check_room(owner, after - before);
    state.database.run(
        "UPDATE conversation SET title = ?, settings = ?, bytes = bytes + ?, revision = revision + 1 "
        "WHERE number = ?",
        now.title, now.settings, static_cast<std::int64_t>(after) - static_cast<std::int64_t>(before), number);
    if (change.title || change.settings) {
        state.database.run("UPDATE conversation SET updated = max(updated, ?) WHERE number = ?", state.now(), number);
    }
    if (change.current) {
        std::optional<std::int64_t> message;
        if (*change.current) message = state.message_number(number, **change.current);
        state.database.run("UPDATE conversation SET current = ? WHERE number = ?", message, number);
    }
    if (change.deleted && *change.deleted != now.deleted.has_value()) {
        const std::optional<Time> when = *change.deleted ? std::optional(state.now()) : std::nullopt;
        state.database.run("UPDATE conversation SET deleted = ? WHERE number = ?", when, number);
    }
    transaction.commit();
    return state.find(owner, id);
}

void ConversationStore::erase(std::string_view owner, std::string_view id) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    state.database.run("DELETE FROM conversation WHERE number = ?", state.number_of(owner, id));
}

std::vector<std::string> ConversationStore::import(std::string_view owner,
                                                   std::span<const ImportedConversation> conversations) {
    State& state = *state_;
    const MutexLock lock(state.mutex);
    Transaction transaction(state.database);
    std::vector<std::string> ids;
    for (const ImportedConversation& imported : conversations) {
        Conversation conversation = imported.conversation;
        conversation.id = state.free_id("SELECT count(*) FROM conversation WHERE id = ?", imported.conversation.id);
        if (imported.messages.size() > state.options.limits.messages) {
            throw error(ErrorKind::BadInput, "a conversation has {} messages: at most {} are kept",
                        imported.messages.size(), state.options.limits.messages);
        }
        const std::int64_t number = state.insert_conversation(owner, conversation);
        std::vector<std::int64_t> numbers;
        for (const ImportedMessage& each : imported.messages) {
            Message message = each.message;
            message.id = state.free_id("SELECT count(*) FROM message WHERE id = ?", each.message.id);
            std::optional<std::int64_t> parent;
            if (each.parent) parent = numbers.at(*each.parent);
            numbers.push_back(state.insert_message(number, parent, message));
        }
        if (imported.current) {
            state.database.run("UPDATE conversation SET current = ? WHERE number = ?", numbers.at(*imported.current),
                               number);
        }
        ids.push_back(conversation.id);
    }
    state.check_room(owner, 0);
    transaction.commit();
    return ids;
}

void ConversationStore::purge() {
    const MutexLock lock(state_->mutex);
    state_->purge();
}

}  // namespace urial::store
