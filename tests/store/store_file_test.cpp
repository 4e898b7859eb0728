// The file of the store: who may open it, and what is never written to.

#include <array>

#include <gtest/gtest.h>

#include "base/files.h"
#include "store/conversation_store.h"
#include "store/schema.h"
#include "store/sqlite.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::test {
namespace {

using store::ConversationStore;
using store::Database;

/// A store with some conversations.
void fill(const fs::path& folder) {
    ConversationStore store({.folder = folder});
    store::ImportedConversation one;
    one.conversation = {.kind = "chat", .title = "title", .settings = "{}"};
    one.messages = {{.message = {.role = "user", .content = std::string(2000, 'x'), .details = "{}"}, .parent = {}}};
    (void)store.import("", std::vector(20, one));
}

/// Opening fails, saying that, and the file stays what it is.
void expect_refused(const fs::path& folder, ErrorKind kind, std::string_view part) {
    const fs::path file = folder / "conversations.db";
    const std::string before = read_file(file);
    EXPECT_ERROR(ConversationStore({.folder = folder}), kind, std::string(part));
    EXPECT_EQ(read_file(file), before);
    EXPECT_FALSE(fs::exists(folder / "conversations.db-journal"));
}

TEST(StoreFile, a_second_server_is_refused_while_the_first_runs) {
    const TemporaryFolder folder;
    {
        const ConversationStore store({.folder = folder.path()});
        EXPECT_ERROR(ConversationStore({.folder = folder.path()}), ErrorKind::Unavailable, "conversations.db");
    }
    EXPECT_NO_THROW(ConversationStore({.folder = folder.path()}));
}

TEST(StoreFile, what_is_no_database_is_left_alone) {
    const TemporaryFolder folder;
    write_file_atomic(folder / "conversations.db", std::string(5000, 'z'));
    expect_refused(folder.path(), ErrorKind::BadInput, "is no database, or a damaged one");
}

TEST(StoreFile, a_damaged_database_is_left_alone) {
    const TemporaryFolder folder;
    fill(folder.path());
    std::string bytes = read_file(folder / "conversations.db");
    // The first page beyond the header: the list of tables.
    std::fill(bytes.begin() + 100, bytes.begin() + 4000, '\xEE');
    write_file_atomic(folder / "conversations.db", bytes);
    expect_refused(folder.path(), ErrorKind::BadInput, "It was left as it is");
}

TEST(StoreFile, a_database_of_another_program_is_left_alone) {
    const TemporaryFolder folder;
    {
        Database other((folder / "conversations.db").string());
        other.script("CREATE TABLE precious (x); INSERT INTO precious VALUES (1)");
    }
    expect_refused(folder.path(), ErrorKind::BadInput, "a database of another program");
}

TEST(StoreFile, a_file_of_a_newer_version_is_left_alone) {
    const TemporaryFolder folder;
    fill(folder.path());
    {
        Database file((folder / "conversations.db").string());
        file.script("PRAGMA user_version = 99");
    }
    expect_refused(folder.path(), ErrorKind::BadInput, "was written by a newer urial (version 99");
}

TEST(StoreFile, an_older_version_is_copied_before_it_is_changed) {
    const TemporaryFolder folder;
    fill(folder.path());
    const fs::path file = folder / "conversations.db";
    const std::array steps{store::schema_steps()[0], store::schema_steps()[1],
                           "ALTER TABLE message ADD COLUMN mood TEXT"};
    {
        Database database(file.string());
        store::bring_up_to_date(database, steps);
        EXPECT_EQ(database.number("SELECT count(*) FROM message WHERE mood IS NULL"), 20);
        EXPECT_EQ(database.number("PRAGMA user_version"), 3);
    }
    Database copy(file.string() + ".v2");
    EXPECT_EQ(copy.number("PRAGMA user_version"), 2);
    EXPECT_EQ(copy.number("SELECT count(*) FROM message"), 20);
    EXPECT_EQ(fs::status(copy.path()).permissions() & (fs::perms::group_all | fs::perms::others_all), fs::perms::none);
}

TEST(StoreFile, a_step_that_fails_changes_nothing) {
    const TemporaryFolder folder;
    fill(folder.path());
    const fs::path file = folder / "conversations.db";
    const std::array steps{store::schema_steps()[0], store::schema_steps()[1],
                           "DROP TABLE event_block; CREATE TABLE message (x)"};
    Database database(file.string());
    EXPECT_ERROR(store::bring_up_to_date(database, steps), ErrorKind::Io, "message already exists");
    EXPECT_EQ(database.number("PRAGMA user_version"), 2);
    EXPECT_EQ(database.number("SELECT count(*) FROM event_block"), 0);
}

TEST(StoreFile, a_file_of_the_first_version_is_searched_like_a_new_one) {
    const TemporaryFolder folder;
    {
        Database database((folder / "conversations.db").string());
        store::bring_up_to_date(database, store::schema_steps().first(1));
        database.script(
            "INSERT INTO conversation (number, id, owner, kind, title, created, updated, settings) VALUES (1, 'c', "
            "'anna', "
            "'chat', '天气预报', 1, 1, '{}')");
    }
    ConversationStore store({.folder = folder.path()});
    EXPECT_EQ(store.list("anna", {.words = "预报"}).conversations.size(), 1U);
}

TEST(StoreFile, a_transaction_that_a_crash_cut_off_never_happened) {
    const TemporaryFolder folder;
    fill(folder.path());
    const TemporaryFolder crashed;
    {
        Database database((folder / "conversations.db").string());
        store::bring_up_to_date(database);
        database.script("PRAGMA cache_spill = 1; PRAGMA cache_size = 1");
        store::Transaction transaction(database);
        database.run("UPDATE message SET content = 'half'");
        // What the disk has in the middle: the journal, and some of the new pages.
        ASSERT_TRUE(fs::exists(folder / "conversations.db-journal"));
        fs::copy_file(folder / "conversations.db", crashed / "conversations.db");
        fs::copy_file(folder / "conversations.db-journal", crashed / "conversations.db-journal");
    }
    ConversationStore store({.folder = crashed.path()});
    EXPECT_EQ(store.list("", {}).conversations.size(), 20U);
    EXPECT_TRUE(store.list("", {.words = "half"}).conversations.empty());
    for (const store::Listed& listed : store.list("", {}).conversations) {
        EXPECT_EQ(store.messages("", listed.conversation.id).front().content, std::string(2000, 'x'));
    }
}

}  // namespace
}  // namespace urial::test
