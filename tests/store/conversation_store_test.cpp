#include "store/conversation_store.h"

#include <chrono>
#include <fstream>
#include <set>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/files.h"
#include "support/expect_error.h"
#include "support/sandbox.h"

namespace urial::test {
namespace {

using store::ConversationStore;
using store::MessageState;
using store::NewMessage;
using namespace std::string_literals;

const std::string kHostileText = "a\0b \xF0\x9F\x98\x80 '\"; DROP TABLE message; --\r\n\xE2\x80\xAE"s;

NewMessage said(std::string role, std::string content, std::optional<std::string> parent = std::nullopt) {
    return {.parent = std::move(parent), .role = std::move(role), .content = std::move(content)};
}

std::string add_one(ConversationStore& store, const std::string& conversation, const NewMessage& message) {
    return store.add("anna", conversation, std::vector{message}, 0).front().id;
}

std::vector<std::string> contents(ConversationStore& store, const std::string& conversation) {
    std::vector<std::string> texts;
    for (const store::Message& message : store.messages("anna", conversation)) texts.push_back(message.content);
    return texts;
}

std::vector<std::string> titles(const store::Listing& listing) {
    std::vector<std::string> texts;
    for (const store::Listed& listed : listing.conversations) texts.push_back(listed.conversation.title);
    return texts;
}

TEST(ConversationStore, what_was_kept_is_there_when_the_file_is_opened_again) {
    const TemporaryFolder folder;
    std::string id;
    std::string first;
    {
        ConversationStore store({.folder = folder.path()});
        id = store.create("anna", "chat", kHostileText, R"({"model": "m"})").id;
        NewMessage answer = said("assistant", "42");
        answer.follows = true;
        answer.details = R"({"x": 1})";
        const auto added = store.add("anna", id, std::vector{said("user", kHostileText), answer}, 1);
        first = added[0].id;
        EXPECT_EQ(added[1].parent, first);
    }
    ConversationStore store({.folder = folder.path()});
    const store::Conversation found = store.find("anna", id);
    EXPECT_EQ(found.title, kHostileText);
    EXPECT_EQ(found.settings, R"({"model": "m"})");
    EXPECT_EQ(found.messages, 2U);
    const auto messages = store.messages("anna", id);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_EQ(messages[0].content, kHostileText);
    EXPECT_EQ(messages[1].parent, first);
    EXPECT_EQ(messages[1].details, R"({"x": 1})");
    EXPECT_EQ(found.current, messages[1].id);
    EXPECT_EQ(fs::status(store.file()).permissions() & fs::perms::all, fs::perms::owner_read | fs::perms::owner_write);
}

TEST(ConversationStore, nobody_sees_or_changes_what_another_owner_has) {
    ConversationStore store({});
    const std::string id = store.create("anna", "chat", "secret", "{}").id;
    const std::string message = add_one(store, id, said("user", "secret"));
    const std::string own = store.create("bert", "chat", "own", "{}").id;
    EXPECT_EQ(titles(store.list("bert", {})), std::vector<std::string>{"own"});
    EXPECT_TRUE(store.list("bert", {.words = "secret"}).conversations.empty());
    const std::vector more{said("user", "x")};
    EXPECT_ERROR(store.find("bert", id), ErrorKind::NotFound, "no such conversation");
    EXPECT_ERROR(store.messages("bert", id), ErrorKind::NotFound, "no such");
    EXPECT_ERROR(store.change("bert", id, {.title = "mine"}), ErrorKind::NotFound, "no such");
    EXPECT_ERROR(store.erase("bert", id), ErrorKind::NotFound, "no such");
    EXPECT_ERROR(store.add("bert", id, more, 0), ErrorKind::NotFound, "no such");
    EXPECT_ERROR(store.message("bert", id, message), ErrorKind::NotFound, "no such");
    EXPECT_ERROR(store.remove_message("bert", id, message), ErrorKind::NotFound, "no such");
    // Nor by way of a conversation of one's own.
    EXPECT_ERROR(store.message("bert", own, message), ErrorKind::NotFound, "no such message");
    EXPECT_ERROR(store.add("bert", own, std::vector{said("user", "x", message)}, 0), ErrorKind::NotFound, "no such");
    EXPECT_ERROR(store.change("bert", own, {.current = message}), ErrorKind::NotFound, "no such message");
    EXPECT_EQ(store.find("anna", id).title, "secret");
}

TEST(ConversationStore, a_deleted_message_takes_what_is_below_it_along_and_brings_it_back) {
    ConversationStore store({});
    const std::string id = store.create("anna", "chat", "", "{}").id;
    const std::string root = add_one(store, id, said("user", "root"));
    const std::string left = add_one(store, id, said("assistant", "left", root));
    const std::string leaf = add_one(store, id, said("user", "leaf", left));
    add_one(store, id, said("assistant", "right", root));
    (void)store.remove_message("anna", id, leaf);
    ASSERT_TRUE(store.change("anna", id, {.current = left}));
    EXPECT_EQ(store.remove_message("anna", id, left), std::vector<std::string>{left});
    EXPECT_EQ(contents(store, id), (std::vector<std::string>{"root", "right"}));
    EXPECT_EQ(store.find("anna", id).current, root) << "what was shown is gone: its parent is shown";
    EXPECT_EQ(store.find("anna", id).messages, 2U);
    EXPECT_ERROR(store.restore_message("anna", id, leaf), ErrorKind::BadInput, "above this one is deleted");
    store.restore_message("anna", id, left);
    EXPECT_EQ(contents(store, id), (std::vector<std::string>{"root", "left", "right"})) << "the leaf went before";
    store.restore_message("anna", id, leaf);
    EXPECT_EQ(contents(store, id).size(), 4U);
    EXPECT_EQ(store.remove_message("anna", id, root).size(), 4U);
    store.restore_message("anna", id, root);
    EXPECT_EQ(contents(store, id).size(), 4U);
}

TEST(ConversationStore, a_change_of_what_somebody_else_has_changed_is_refused) {
    ConversationStore store({});
    const store::Conversation made = store.create("anna", "chat", "one", "{}");
    const auto changed = store.change("anna", made.id, {.title = "two", .revision = made.revision});
    ASSERT_TRUE(changed);
    EXPECT_EQ(changed->title, "two");
    EXPECT_FALSE(store.change("anna", made.id, {.title = "three", .revision = made.revision}));
    EXPECT_EQ(store.find("anna", made.id).title, "two");
}

TEST(ConversationStore, a_list_goes_on_where_its_last_page_ended) {
    store::Time now = 1000;
    ConversationStore store({.clock = [&now] { return now; }});
    for (int i = 0; i < 25; ++i) {
        now += i % 3 == 0 ? 1 : 0;  // several have one time
        (void)store.create("anna", i % 5 == 0 ? "text" : "chat", fmt::format("{}", i), "{}");
    }
    std::vector<std::string> seen;
    store::ListQuery query{.limit = 7};
    do {
        const store::Listing page = store.list("anna", query);
        for (const std::string& title : titles(page)) seen.push_back(title);
        query.cursor = page.next;
    } while (!query.cursor.empty());
    std::vector<std::string> expected;
    for (int i = 24; i >= 0; --i) expected.push_back(fmt::format("{}", i));
    EXPECT_EQ(seen, expected);
    EXPECT_EQ(store.list("anna", {.kind = "text"}).conversations.size(), 5U);
    EXPECT_ERROR(store.list("anna", {.cursor = "7"}), ErrorKind::BadInput, "cursor");
}

TEST(ConversationStore, words_are_found_in_titles_and_messages_and_the_last_may_be_a_beginning) {
    ConversationStore store({});
    const std::string id = store.create("anna", "chat", "Weather in Zürich", "{}").id;
    const std::string message = add_one(store, id, said("user", "Why is the sky blue on a clear morning?"));
    const auto hits = [&](const std::string& words) { return store.list("anna", {.words = words}).conversations; };
    ASSERT_EQ(hits("sky blue").size(), 1U);
    EXPECT_EQ(hits("blue morn").at(0).message, message);
    EXPECT_NE(hits("clear").at(0).snippet.find("clear"), std::string::npos);
    EXPECT_EQ(hits("zurich").at(0).message, "") << "accents do not count, and the title has no message";
    EXPECT_TRUE(hits("morn blue").empty()) << "only the last word may be a beginning";
    EXPECT_TRUE(hits("weather sky").empty()) << "the words are in one place";
    EXPECT_EQ(hits("  ").size(), 1U) << "no words: all";
    for (const char* words :
         {"\"", "*", "sky\" OR \"x", "NEAR(", "a AND", "^sky", "content:sky", "-sky)", "\x01sky("}) {
        EXPECT_LE(hits(words).size(), 1U) << words;
    }
    (void)store.change_message("anna", id, message, {.content = "Nothing of the kind"});
    EXPECT_TRUE(hits("sky").empty());
    EXPECT_EQ(hits("nothing").size(), 1U);
    (void)store.remove_message("anna", id, message);
    EXPECT_TRUE(hits("nothing").empty());
    ASSERT_TRUE(store.change("anna", id, {.title = "Climate", .deleted = true}));
    EXPECT_TRUE(hits("climate").empty());
    EXPECT_EQ(store.list("anna", {.words = "climate", .deleted = true}).conversations.size(), 1U);
}

TEST(ConversationStore, words_of_scripts_without_spaces_are_found_wherever_they_stand) {
    ConversationStore store({});
    const std::string id = store.create("anna", "chat", "今天的天气", "{}").id;
    const std::string message = add_one(store, id, said("user", "请解释GPU显存和内存的区别。ภาษาไทยง่าย"));
    const auto hits = [&](const std::string& words) { return store.list("anna", {.words = words}).conversations; };
    EXPECT_EQ(hits("天气").size(), 1U) << "the end of a run";
    EXPECT_EQ(hits("天").size(), 1U);
    EXPECT_TRUE(hits("气天").empty()) << "in their order";
    EXPECT_TRUE(hits("今天天气").empty()) << "one behind the other";
    ASSERT_EQ(hits("内存").size(), 1U);
    EXPECT_EQ(hits("内存").at(0).message, message);
    EXPECT_NE(hits("内存").at(0).snippet.find("显存和内存的区别"), std::string::npos) << hits("内存").at(0).snippet;
    EXPECT_EQ(hits("gpu显存").size(), 1U);
    EXPECT_EQ(hits("区别 解释").size(), 1U);
    EXPECT_EQ(hits("ไทย").size(), 1U);
}

TEST(ConversationStore, a_thousand_conversations_are_searched_in_less_than_a_second) {
    ConversationStore store({});
    std::vector<store::ImportedConversation> conversations(1000);
    for (std::size_t i = 0; i < conversations.size(); ++i) {
        conversations[i].conversation = {.kind = "chat", .title = fmt::format("title {}", i), .settings = "{}"};
        for (std::size_t k = 0; k < 10; ++k) {
            std::string text = fmt::format("unique{}x{} ", i, k);
            for (int n = 0; n < 30; ++n) text += "some common words of an answer ";
            conversations[i].messages.push_back(
                {.message = {.role = "user", .content = text, .details = "{}"}, .parent = {}});
        }
    }
    (void)store.import("anna", conversations);
    for (const char* words : {"unique777x", "common words", "uniq", "title"}) {
        const auto begin = std::chrono::steady_clock::now();
        const store::Listing found = store.list("anna", {.words = words});
        const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
        EXPECT_EQ(found.conversations.size(), std::string(words) == "unique777x" ? 1U : 50U) << words;
        EXPECT_LT(time.count(), 1.0);
        RecordProperty(words, fmt::format("{:.1f} ms", time.count() * 1e3));
        fmt::print("search for '{}': {:.1f} ms\n", words, time.count() * 1e3);
    }
}

TEST(ConversationStore, what_is_too_much_is_refused_and_leaves_no_trace) {
    ConversationStore store({.limits = {.conversations = 2,
                                        .messages = 3,
                                        .owner_bytes = 5000,
                                        .title_bytes = 10,
                                        .settings_bytes = 100,
                                        .content_bytes = 4000,
                                        .details_bytes = 100}});
    const std::string long_text(101, 'x');
    EXPECT_ERROR(store.create("anna", "chat", "12345678901", "{}"), ErrorKind::BadInput,
                 "title has 11 bytes: at most 10");
    EXPECT_ERROR(store.create("anna", "chat", "", long_text), ErrorKind::BadInput, "settings has 101");
    const std::string id = store.create("anna", "chat", "", "{}").id;
    (void)store.create("anna", "chat", "", "{}");
    EXPECT_ERROR(store.create("anna", "chat", "", "{}"), ErrorKind::BadInput, "there are 2 conversations");
    (void)store.create("bert", "chat", "", "{}");
    const auto add = [&](std::string content, std::string details = "{}", std::size_t count = 1) {
        NewMessage message = said("user", std::move(content));
        message.details = std::move(details);
        return store.add("anna", id, std::vector(count, message), 0);
    };
    EXPECT_ERROR(add(std::string(4001, 'x')), ErrorKind::BadInput, "content has 4001 bytes");
    EXPECT_ERROR(add("", long_text), ErrorKind::BadInput, "details has 101");
    EXPECT_ERROR(add("x", "{}", 4), ErrorKind::BadInput, "at most 3 are kept");
    EXPECT_TRUE(store.messages("anna", id).empty());
    (void)add(std::string(3000, 'x'));
    EXPECT_ERROR(add(std::string(3000, 'x')), ErrorKind::BadInput, "your conversations take");
    EXPECT_EQ(store.messages("anna", id).size(), 1U);
    store.erase("anna", id);
    const std::string again = store.create("anna", "chat", "", "{}").id;
    (void)store.add("anna", again, std::vector{said("user", std::string(3000, 'x'))}, 0);
}

TEST(ConversationStore, an_answer_is_kept_as_far_as_it_was_saved_and_stopped_at_the_next_start) {
    const TemporaryFolder folder;
    std::string id;
    std::string message;
    {
        ConversationStore store({.folder = folder.path()});
        id = store.create("anna", "chat", "", "{}").id;
        message = add_one(store, id, {.role = "assistant", .state = MessageState::Writing});
        EXPECT_FALSE(store.events(message, 0));
        store.save(std::vector<store::AnswerProgress>{
            {.message = message, .content = "Why", .answer = "{}", .first_event = 0, .events = {"{\"a\":1}", "{}"}},
            {.message = "gone", .content = "nobody's"}});
        store.save(std::vector<store::AnswerProgress>{
            {.message = message, .content = "Why not", .answer = "{}", .first_event = 2, .events = {"[3]"}}});
        EXPECT_TRUE(store.list("anna", {.words = "why"}).conversations.empty()) << "it is not written yet";
    }
    ConversationStore store({.folder = folder.path()});
    const store::Message found = store.message("anna", id, message);
    EXPECT_EQ(found.state, MessageState::Stopped);
    EXPECT_EQ(found.content, "Why not");
    EXPECT_EQ(found.events, 3U);
    const auto first = store.events(message, 1);
    ASSERT_TRUE(first);
    EXPECT_EQ(first->first, 0U);
    EXPECT_EQ(first->events, (std::vector<std::string>{"{\"a\":1}", "{}"}));
    EXPECT_EQ(store.events(message, 2)->events, std::vector<std::string>{"[3]"});
    EXPECT_FALSE(store.events(message, 3));
    EXPECT_EQ(store.list("anna", {.words = "why not"}).conversations.size(), 1U);
    store.take_back(std::vector{message});
    EXPECT_TRUE(store.messages("anna", id).empty());
    EXPECT_FALSE(store.events(message, 0));
}

TEST(ConversationStore, what_lies_in_the_bin_goes_after_its_time) {
    store::Time now = 1000;
    ConversationStore store({.kept_in_bin = 50, .clock = [&now] { return now; }});
    const std::string old = store.create("anna", "chat", "old", "{}").id;
    // More than the depth to which SQLite lets one deletion cause another.
    NewMessage next = said("user", "x");
    next.follows = true;
    (void)store.add("anna", old, std::vector(3000, next), 0);
    const std::string kept = store.create("anna", "chat", "kept", "{}").id;
    ASSERT_TRUE(store.change("anna", old, {.deleted = true}));
    now += 20;
    ASSERT_TRUE(store.change("anna", kept, {.deleted = true}));
    now += 40;
    store.purge();
    EXPECT_EQ(titles(store.list("anna", {.deleted = true})), std::vector<std::string>{"kept"});
    ASSERT_TRUE(store.change("anna", kept, {.deleted = false}));
    now += 1000;
    store.purge();
    EXPECT_EQ(titles(store.list("anna", {})), std::vector<std::string>{"kept"});
}

TEST(ConversationStore, imported_ids_that_are_taken_become_new_ones) {
    ConversationStore store({});
    const std::string id = store.create("anna", "chat", "first", "{}").id;
    store::ImportedConversation imported;
    imported.conversation = {.id = id, .kind = "chat", .title = "second", .settings = "{}", .created = 5, .updated = 6};
    imported.messages = {{.message = {.id = "nonsense", .role = "user", .content = "a", .details = "{}"}, .parent = {}},
                         {.message = {.role = "assistant", .content = "b", .details = "{}"}, .parent = 0}};
    imported.current = 1;
    const auto ids = store.import("bert", std::vector{imported, imported});
    ASSERT_EQ(ids.size(), 2U);
    EXPECT_EQ(std::set<std::string>({id, ids[0], ids[1]}).size(), 3U);
    EXPECT_EQ(store.find("anna", id).title, "first");
    EXPECT_EQ(store.find("bert", ids[0]).updated, 6);
    const auto messages = store.messages("bert", ids[1]);
    ASSERT_EQ(messages.size(), 2U);
    EXPECT_TRUE(store::is_id(messages[0].id));
    EXPECT_EQ(messages[1].parent, messages[0].id);
    EXPECT_EQ(store.find("bert", ids[1]).current, messages[1].id);
    imported.messages[1].message.content = std::string((4u << 20) + 1, 'x');
    EXPECT_ERROR(store.import("bert", std::vector{imported}), ErrorKind::BadInput, "content");
    EXPECT_EQ(store.list("bert", {}).conversations.size(), 2U);
}

TEST(ConversationStore, where_the_disk_is_full_an_error_says_so_and_what_was_there_stays) {
    const TemporaryFolder folder;
    ConversationStore store({.folder = folder.path(), .limits = {.file_bytes = 400'000}});
    const std::string id = store.create("anna", "chat", "kept", "{}").id;
    const auto fill = [&] {
        for (int i = 0; i < 100; ++i)
            add_one(store, id, said("user", std::string(20'000, static_cast<char>('a' + i % 20))));
    };
    EXPECT_ERROR(fill(), ErrorKind::Unavailable, "is full");
    const std::size_t count = store.messages("anna", id).size();
    EXPECT_GT(count, 1U);
    EXPECT_ERROR(fill(), ErrorKind::Unavailable, "is full");
    (void)store.remove_message("anna", id, store.messages("anna", id).front().id);
    EXPECT_EQ(store.messages("anna", id).size(), count - 1);
    EXPECT_EQ(titles(store.list("anna", {})), std::vector<std::string>{"kept"});
    store.erase("anna", id);
    const std::string again = store.create("anna", "chat", "again", "{}").id;
    add_one(store, again, said("user", std::string(20'000, 'x')));
}

}  // namespace
}  // namespace urial::test
