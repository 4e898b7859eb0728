#include <sstream>

#include <gtest/gtest.h>

#include "base/error.h"
#include "support/expect_error.h"
#include "terminal/line_editor.h"

namespace urial::terminal {
namespace {

using Status = LineSource::Status;

TEST(PlainLines, lines_come_one_by_one_the_last_one_without_its_end_too) {
    std::istringstream text("one\r\n\ntwo");
    PlainLines lines(text);
    EXPECT_EQ(lines.read("").text, "one");
    const LineSource::Read empty = lines.read("");
    EXPECT_EQ(empty.status, Status::Line);
    EXPECT_EQ(empty.text, "");
    EXPECT_EQ(lines.read("").text, "two");
    EXPECT_EQ(lines.read("").status, Status::End);
}

/// What /dev/zero is.
class Endless final : public std::streambuf {
    int_type underflow() override {
        setg(&byte_, &byte_, &byte_ + 1);
        return 0;
    }
    char byte_ = 0;
};

TEST(PlainLines, a_line_without_an_end_is_refused_with_the_limit_and_is_the_last) {
    Endless zeros;
    std::istream bytes(&zeros);
    PlainLines lines(bytes);
    EXPECT_ERROR(lines.read(""), ErrorKind::BadInput, "more than 16.8 MB");
    EXPECT_EQ(lines.read("").status, Status::End);
}

}  // namespace
}  // namespace urial::terminal
