#pragma once

// What the sources of the store have in common: the open file, and how its rows are read and written.

#include <optional>
#include <string>
#include <string_view>

#include "base/files.h"
#include "base/mutex.h"
#include "store/conversation_store.h"
#include "store/sqlite.h"

namespace urial::store {

inline constexpr std::size_t kRowBytes = 200;  // that a row takes beside its texts

/// What read_conversation() reads of a conversation c: all but its settings, which a list goes without.
inline const std::string kConversationColumns =
    "c.number, c.id, c.kind, c.title, "
    "(SELECT id FROM message WHERE number = c.current AND deleted IS NULL), c.created, c.updated, c.revision, "
    "c.deleted, (SELECT count(*) FROM message WHERE conversation = c.number AND deleted IS NULL)";
inline constexpr int kConversationColumnCount = 10;
Conversation read_conversation(const Query& row);

/// Throws Error{BadInput} for more bytes.
void check_size(std::string_view what, std::size_t bytes, std::size_t most);

/// Locks the folder, which is made where it is absent; empty: nothing.
struct StoreFile {
    explicit StoreFile(const fs::path& folder);
    fs::path path;
    std::optional<FileLock> lock;
};

struct ConversationStore::State {
    explicit State(StoreOptions given)
        : options(std::move(given)),
          file(options.folder),
          database(options.folder.empty() ? ":memory:" : file.path.string()) {
        prepare();
    }

    void prepare() REQUIRES(mutex);
    Time now() const;
    std::int64_t number_of(std::string_view owner, std::string_view id) REQUIRES(mutex);
    std::int64_t message_number(std::int64_t conversation, std::string_view id, bool deleted = false) REQUIRES(mutex);
    Conversation find(std::string_view owner, std::string_view id) REQUIRES(mutex);
    Message message(std::int64_t number) REQUIRES(mutex);
    void touch(std::int64_t conversation) REQUIRES(mutex);
    void check_room(std::string_view owner, std::size_t bytes) REQUIRES(mutex);
    void check_texts(const std::string& title, const std::string& settings) const;
    std::int64_t insert_conversation(std::string_view owner, const Conversation& conversation) REQUIRES(mutex);
    std::int64_t insert_message(std::int64_t conversation, std::optional<std::int64_t> parent, const Message& message)
        REQUIRES(mutex);
    std::string free_id(const char* sql, const std::string& wanted) REQUIRES(mutex);
    void save(const AnswerProgress& answer) REQUIRES(mutex);
    void add_snippet(Listed& listed, std::optional<std::int64_t> message, const std::string& words) REQUIRES(mutex);
    void purge() REQUIRES(mutex);

    const StoreOptions options;
    const StoreFile file;
    mutable Mutex mutex;
    Database database GUARDED_BY(mutex);
};

}  // namespace urial::store
