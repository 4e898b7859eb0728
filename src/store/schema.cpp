#include "store/schema.h"

#include <array>
#include <string>

#include <fmt/format.h>

#include "base/error.h"
#include "store/search_words.h"

namespace urial::store {
namespace {

constexpr int kApplication = 0x75726961;  // "uria"

// Times are milliseconds since 1970. Rows refer to each other by number; ids are for clients. Triggers keep the size of
// a conversation and the index for the search, whoever changes a row. A message that is being written is not in the
// index yet. Long texts stand last in their rows: what stands before them is read without them.
constexpr const char* kVersion1 = R"(
CREATE TABLE conversation (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    owner TEXT NOT NULL,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    current INTEGER,
    created INTEGER NOT NULL,
    updated INTEGER NOT NULL,
    revision INTEGER NOT NULL DEFAULT 1,
    deleted INTEGER,
    bytes INTEGER NOT NULL DEFAULT 0,
    settings TEXT NOT NULL
) STRICT;
CREATE INDEX conversation_list ON conversation (owner, updated, number);
CREATE INDEX conversation_size ON conversation (owner, bytes);
CREATE INDEX conversation_deleted ON conversation (deleted) WHERE deleted IS NOT NULL;

CREATE TABLE message (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    conversation INTEGER NOT NULL REFERENCES conversation (number) ON DELETE CASCADE,
    parent INTEGER REFERENCES message (number) DEFERRABLE INITIALLY DEFERRED,
    role TEXT NOT NULL,
    created INTEGER NOT NULL,
    deleted INTEGER,
    state TEXT NOT NULL CHECK (state IN ('done', 'writing', 'stopped', 'failed')),
    error TEXT,
    events INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL,
    answer TEXT,
    details TEXT NOT NULL,
    content TEXT NOT NULL
) STRICT;
CREATE INDEX message_conversation ON message (conversation, deleted);
CREATE INDEX message_parent ON message (parent);
CREATE INDEX message_writing ON message (state) WHERE state = 'writing';

CREATE TABLE event_block (
    message INTEGER NOT NULL REFERENCES message (number) ON DELETE CASCADE,
    first INTEGER NOT NULL,
    count INTEGER NOT NULL,
    events BLOB NOT NULL,
    PRIMARY KEY (message, first)
) STRICT, WITHOUT ROWID;

CREATE VIRTUAL TABLE title_index USING fts5 (title, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4');
CREATE VIRTUAL TABLE content_index USING fts5 (content, tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3 4');

CREATE TRIGGER conversation_added AFTER INSERT ON conversation BEGIN
    INSERT INTO title_index (rowid, title) VALUES (new.number, new.title);
END;
CREATE TRIGGER conversation_named AFTER UPDATE OF title ON conversation BEGIN
    UPDATE title_index SET title = new.title WHERE rowid = new.number;
END;
CREATE TRIGGER conversation_gone AFTER DELETE ON conversation BEGIN
    DELETE FROM title_index WHERE rowid = old.number;
END;
CREATE TRIGGER message_added AFTER INSERT ON message BEGIN
    UPDATE conversation SET bytes = bytes + new.bytes WHERE number = new.conversation;
    INSERT INTO content_index (rowid, content) SELECT new.number, new.content WHERE new.state <> 'writing';
END;
CREATE TRIGGER message_sized AFTER UPDATE OF bytes ON message WHEN new.bytes <> old.bytes BEGIN
    UPDATE conversation SET bytes = bytes + new.bytes - old.bytes WHERE number = new.conversation;
END;
CREATE TRIGGER message_written AFTER UPDATE OF content, state ON message WHEN new.state <> 'writing' BEGIN
    DELETE FROM content_index WHERE rowid = new.number;
    INSERT INTO content_index (rowid, content) VALUES (new.number, new.content);
END;
CREATE TRIGGER message_gone AFTER DELETE ON message BEGIN
    UPDATE conversation SET bytes = bytes - old.bytes WHERE number = old.conversation;
    DELETE FROM content_index WHERE rowid = old.number;
END;
)";

// The search finds words of scripts that put no space between them (search_words.h).
constexpr const char* kVersion2 = R"(
DROP TRIGGER conversation_added;
CREATE TRIGGER conversation_added AFTER INSERT ON conversation BEGIN
    INSERT INTO title_index (rowid, title) VALUES (new.number, separated(new.title));
END;
DROP TRIGGER conversation_named;
CREATE TRIGGER conversation_named AFTER UPDATE OF title ON conversation BEGIN
    UPDATE title_index SET title = separated(new.title) WHERE rowid = new.number;
END;
DROP TRIGGER message_added;
CREATE TRIGGER message_added AFTER INSERT ON message BEGIN
    UPDATE conversation SET bytes = bytes + new.bytes WHERE number = new.conversation;
    INSERT INTO content_index (rowid, content) SELECT new.number, separated(new.content) WHERE new.state <> 'writing';
END;
DROP TRIGGER message_written;
CREATE TRIGGER message_written AFTER UPDATE OF content, state ON message WHEN new.state <> 'writing' BEGIN
    DELETE FROM content_index WHERE rowid = new.number;
    INSERT INTO content_index (rowid, content) VALUES (new.number, separated(new.content));
END;
DELETE FROM title_index;
INSERT INTO title_index (rowid, title) SELECT number, separated(title) FROM conversation;
DELETE FROM content_index;
INSERT INTO content_index (rowid, content) SELECT number, separated(content) FROM message WHERE state <> 'writing';
)";

constexpr std::array kSteps{kVersion1, kVersion2};

std::string pragma(const char* name, int value) { return fmt::format("PRAGMA {} = {}", name, value); }

void take_step(Database& database, const char* step, int version) {
    Transaction transaction(database);
    database.script(step);
    database.script(pragma("user_version", version).c_str());
    database.script(pragma("application_id", kApplication).c_str());
    transaction.commit();
}

}  // namespace

std::span<const char* const> schema_steps() { return kSteps; }

void bring_up_to_date(Database& database, std::span<const char* const> steps) {
    database.define("separated", separated);
    const auto version = database.number("PRAGMA user_version");
    const auto application = database.number("PRAGMA application_id");
    const bool is_new = version == 0 && application == 0 && database.number("SELECT count(*) FROM sqlite_schema") == 0;
    if (!is_new && application != kApplication) {
        throw error(ErrorKind::BadInput, "{}: is a database of another program; name another folder with --data",
                    database.path());
    }
    const auto newest = static_cast<std::int64_t>(steps.size());
    if (version < 0 || version > newest) {
        throw error(
            ErrorKind::BadInput,
            "{}: was written by a newer urial (version {} of the file; this one knows up to {}). It was left as "
            "it is: use the newer program, or name another folder with --data",
            database.path(), version, newest);
    }
    if (!is_new && version < newest) database.back_up(fmt::format("{}.v{}", database.path(), version));
    // What the file shall give back can only be said before it has tables.
    if (is_new) database.script("PRAGMA auto_vacuum = INCREMENTAL");
    for (std::int64_t i = version; i < newest; ++i) {
        take_step(database, steps[static_cast<std::size_t>(i)], static_cast<int>(i) + 1);
    }
}

}  // namespace urial::store
