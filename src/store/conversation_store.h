#pragma once

// Conversations and what was said in them, kept in one SQLite file. Each belongs to an owner, a name that the caller
// vouches for; nobody sees those of another. Messages form a tree: each has a parent, or none. What a text means (JSON
// of settings and details, roles) is the caller's; it is kept as it is. Thread-safe: one connection, one mutex.

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace urial::store {

/// Milliseconds since 1970.
using Time = std::int64_t;

/// What one owner may keep. Beyond each, Error{BadInput} says which and how much.
struct Limits {
    std::size_t conversations = 10'000;  ///< those in the bin too
    std::size_t messages = 20'000;       ///< of one conversation, deleted ones too
    std::size_t owner_bytes = 1u << 30;  ///< texts, settings, details and packed events
    std::size_t title_bytes = 1'000;     ///< of each
    std::size_t settings_bytes = 1u << 20;
    std::size_t content_bytes = 4u << 20;
    std::size_t details_bytes = 64u << 10;
    std::size_t file_bytes = std::size_t{64} << 30;  ///< of all owners; beyond them Error{Unavailable}
};
/// Without a file.
inline constexpr std::size_t kMostBytesInMemory = 256u << 20;

struct StoreOptions {
    std::filesystem::path folder;  ///< of the file, made where it is absent; empty: in memory
    Limits limits;
    Time kept_in_bin = Time{30} * 24 * 3600 * 1000;
    std::function<Time()> clock;  ///< empty: the system's
};

enum class MessageState { Done, Writing, Stopped, Failed };
std::string_view name_of(MessageState state);
std::optional<MessageState> state_of(std::string_view name);

struct Conversation {
    std::string id;
    std::string kind;
    std::string title;
    std::string settings;
    std::optional<std::string> current;  ///< the message whose branch is shown
    Time created = 0;
    Time updated = 0;
    std::int64_t revision = 1;  ///< counts what an owner has changed
    std::optional<Time> deleted;
    std::size_t messages = 0;
};

struct Message {
    std::string id;
    std::optional<std::string> parent;
    std::string role;
    std::string content;
    Time created = 0;
    MessageState state = MessageState::Done;
    std::optional<std::string> error;
    std::string details;
    std::string answer;      ///< what is known of how it was written; empty: nobody's answer
    std::size_t events = 0;  ///< from which the content came, and that events() has
};

struct ListQuery {
    std::string kind;   ///< empty: all
    std::string words;  ///< all of them must be in the title, or in one message; the last may be a beginning
    bool deleted = false;
    std::size_t limit = 50;
    std::string cursor;  ///< empty: from the newest
};
struct Listed {
    Conversation conversation;  ///< without its settings
    std::string snippet;        ///< text around a hit
    std::string message;        ///< that has it; empty: the title
};
struct Listing {
    std::vector<Listed> conversations;  ///< the one that was changed last first
    std::string next;                   ///< cursor; empty: that was all
};

/// Only what is there is changed.
struct ConversationChange {
    std::optional<std::string> title;
    std::optional<std::string> settings;
    std::optional<std::optional<std::string>> current;
    std::optional<bool> deleted;
    std::optional<std::int64_t> revision;  ///< that it must have
};

struct NewMessage {
    std::optional<std::string> parent;
    bool follows = false;  ///< instead: its parent is the one before it in the same call
    std::string role;
    std::string content;
    std::string details = "{}";
    MessageState state = MessageState::Done;
    std::string answer = {};
};
struct MessageChange {
    std::optional<std::string> content;
    std::optional<std::string> details;
};

/// What has come of an answer since it was saved last.
struct AnswerProgress {
    std::string message;
    std::string content;  ///< all of it
    MessageState state = MessageState::Writing;
    std::optional<std::string> error;
    std::string answer;
    std::size_t first_event = 0;
    std::vector<std::string> events;  ///< one line of text each
};

struct EventBlock {
    std::size_t first = 0;
    std::vector<std::string> events;
};

/// A conversation as it was elsewhere. Ids that are taken, or none, become new ones.
struct ImportedMessage {
    Message message;                    ///< without its parent
    std::optional<std::size_t> parent;  ///< an earlier one of the same conversation
};
struct ImportedConversation {
    Conversation conversation;  ///< current: as the file names it
    std::vector<ImportedMessage> messages;
    std::optional<std::size_t> current;
};

class ConversationStore {
public:
    /// Answers that were being written when the last process ended are Stopped now; what lies in the bin for too long
    /// is purged. Throws Error{Unavailable} where another process has the file, {BadInput} for a file that is damaged,
    /// of another program or of a newer version, which stays as it is, {Io} where it cannot be written.
    explicit ConversationStore(StoreOptions options);
    ~ConversationStore();
    ConversationStore(const ConversationStore&) = delete;
    ConversationStore& operator=(const ConversationStore&) = delete;

    /// Empty: in memory.
    const std::filesystem::path& file() const;

    // All throw Error{NotFound} for a conversation or a message that this owner does not have, Error{Unavailable} where
    // the disk is full, and Error{Io}.

    Conversation create(std::string_view owner, std::string_view kind, std::string_view title,
                        std::string_view settings);
    Listing list(std::string_view owner, const ListQuery& query);
    Conversation find(std::string_view owner, std::string_view id);
    /// Those that are not deleted, oldest first.
    std::vector<Message> messages(std::string_view owner, std::string_view id);
    /// nullopt: it has another revision.
    std::optional<Conversation> change(std::string_view owner, std::string_view id, const ConversationChange& change);
    /// Not into the bin.
    void erase(std::string_view owner, std::string_view id);

    /// `current`: which of them is shown then.
    std::vector<Message> add(std::string_view owner, std::string_view id, std::span<const NewMessage> messages,
                             std::size_t current);
    Message message(std::string_view owner, std::string_view id, std::string_view message);
    Message change_message(std::string_view owner, std::string_view id, std::string_view message,
                           const MessageChange& change);
    /// With all that stands below it; their ids. Where one of them was shown, the parent is.
    std::vector<std::string> remove_message(std::string_view owner, std::string_view id, std::string_view message);
    /// With all that went together with it. Throws Error{BadInput} where its parent is still deleted.
    void restore_message(std::string_view owner, std::string_view id, std::string_view message);
    /// As if they had never been there. Nobody may have answered them yet.
    void take_back(std::span<const std::string> messages);

    /// In one transaction. Messages that are gone are passed over.
    void save(std::span<const AnswerProgress> answers);
    /// The events from some place up to `from` on; nullopt where there are none so far.
    std::optional<EventBlock> events(std::string_view message, std::size_t from);

    /// All or nothing; their ids.
    std::vector<std::string> import(std::string_view owner, std::span<const ImportedConversation> conversations);

    /// What lies in the bin for too long goes.
    void purge();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// 22 characters of base64url, random.
std::string new_id();
bool is_id(std::string_view text);

}  // namespace urial::store
