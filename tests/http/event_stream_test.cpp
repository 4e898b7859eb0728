#include "http/event_stream.h"

#include <string>
#include <vector>

#include <gtest/gtest.h>

namespace urial::http {
namespace {

std::vector<std::string> events_of(std::string_view text, std::size_t piece) {
    std::vector<std::string> events;
    EventStream stream([&](std::string_view data) { return events.emplace_back(data), true; });
    for (std::size_t at = 0; at < text.size(); at += piece) EXPECT_TRUE(stream.push(text.substr(at, piece)));
    return events;
}

TEST(EventStream, events_are_the_same_however_the_bytes_are_cut) {
    const std::string text =
        ": a comment\n\nevent: x\ndata: {\"a\": 1}\r\n\r\ndata:no blank\n\nid: 7\n\ndata: two\ndata: lines\n\n"
        "data:\n\rdata: after a lone return\r\rdata: never ended\n";
    const std::vector<std::string> expected{"{\"a\": 1}", "no blank", "two\nlines", "", "after a lone return"};
    for (const std::size_t piece : {1u, 2u, 3u, 7u, 1000u}) EXPECT_EQ(events_of(text, piece), expected) << piece;
}

TEST(EventStream, nothing_is_read_after_the_reader_has_enough) {
    int seen = 0;
    EventStream stream([&](std::string_view) { return ++seen < 2; });
    EXPECT_FALSE(stream.push("data: 1\n\ndata: 2\n\ndata: 3\n\n"));
    EXPECT_EQ(seen, 2);
    EXPECT_FALSE(stream.is_too_large());
}

TEST(EventStream, an_event_without_end_is_not_kept_in_memory) {
    const std::string piece(100'000, 'x');
    for (const std::string& begin : {std::string("data: "), std::string("data: 1\ndata: "), std::string()}) {
        EventStream stream([](std::string_view) { return true; });
        EXPECT_TRUE(stream.push(begin));
        std::size_t pushed = 0;
        while (stream.push(piece)) ASSERT_LT(pushed += piece.size(), 2 * EventStream::kMostEventBytes);
        EXPECT_TRUE(stream.is_too_large());
    }
}

}  // namespace
}  // namespace urial::http
