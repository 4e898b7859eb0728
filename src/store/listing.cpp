// Of the store: lists of conversations, and the search.

#include <charconv>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "base/error.h"
#include "base/text.h"
#include "store/search_words.h"
#include "store/store_state.h"

namespace urial::store {
namespace {

constexpr std::size_t kMostSnippetBytes = 500;

/// A cursor is "UPDATED-NUMBER" of the last row that was given.
std::pair<std::int64_t, std::int64_t> read_cursor(const std::string& cursor) {
    std::int64_t updated = 0;
    std::int64_t number = 0;
    const char* const end = cursor.data() + cursor.size();
    const auto [middle, failure] = std::from_chars(cursor.data(), end, updated);
    if (failure == std::errc() && middle != end && *middle == '-') {
        const auto [last, wrong] = std::from_chars(middle + 1, end, number);
        if (wrong == std::errc() && last == end) return {updated, number};
    }
    throw error(ErrorKind::BadInput, "cursor: is none that this server gave");
}

}  // namespace

void ConversationStore::State::add_snippet(Listed& listed, std::optional<std::int64_t> message,
                                           const std::string& words) {
    if (!message) {
        listed.snippet = listed.conversation.title;
        return;
    }
    Query row(database,
              "SELECT snippet(content_index, 0, '', '', '\xE2\x80\xA6', 24), m.id FROM content_index JOIN message m ON "
              "m.number = content_index.rowid WHERE content_index MATCH ? AND content_index.rowid = ?",
              words, *message);
    if (!row.next()) return;
    listed.snippet = joined(row.text(0));
    listed.message = row.text(1);
    if (listed.snippet.size() > kMostSnippetBytes) {
        listed.snippet.resize(complete_utf8_length(std::string_view(listed.snippet).substr(0, kMostSnippetBytes)));
    }
}

Listing ConversationStore::list(std::string_view owner, const ListQuery& query) {
    State& state = *state_;
    const bool searches = !trim(query.words).empty();
    const std::string words = search_expression(query.words);
    Listing listing;
    if (searches && words.empty()) return listing;
    std::optional<std::int64_t> updated;
    std::optional<std::int64_t> number;
    if (!query.cursor.empty()) std::tie(updated, number) = read_cursor(query.cursor);

    static const std::string columns = "SELECT " + kConversationColumns;
    static const std::string conditions =
        " c.owner = ?1 AND (c.deleted IS NOT NULL) = ?2 AND (?3 = '' OR c.kind = ?3) AND (?4 IS NULL OR (c.updated, "
        "c.number) < (?4, ?5)) ";
    static const std::string order = " ORDER BY c.updated DESC, c.number DESC LIMIT ?6";
    static const std::string all = columns + ", NULL FROM conversation c WHERE ?7 = '' AND" + conditions + order;
    static const std::string found =
        "WITH hit (conversation, message) AS (SELECT rowid, NULL FROM title_index WHERE title_index MATCH ?7 UNION ALL "
        "SELECT m.conversation, m.number FROM content_index JOIN message m ON m.number = content_index.rowid WHERE "
        "content_index MATCH ?7 AND m.deleted IS NULL), best (conversation, message) AS (SELECT conversation, "
        "max(message) FROM hit GROUP BY conversation) " +
        columns + ", best.message FROM best JOIN conversation c ON c.number = best.conversation WHERE" + conditions +
        order;

    const MutexLock lock(state.mutex);
    Query row(state.database, searches ? found.c_str() : all.c_str(), owner, query.deleted ? 1 : 0, query.kind, updated,
              number, query.limit + 1, words);
    std::int64_t last = 0;
    while (row.next()) {
        if (listing.conversations.size() == query.limit) {
            listing.next = fmt::format("{}-{}", listing.conversations.back().conversation.updated, last);
            break;
        }
        Listed& listed = listing.conversations.emplace_back();
        listed.conversation = read_conversation(row);
        last = row.integer(0);
        if (searches) state.add_snippet(listed, row.maybe_integer(kConversationColumnCount), words);
    }
    return listing;
}

}  // namespace urial::store
