#pragma once

// Assertions about text that show the text when they fail.

#include <regex>
#include <string>
#include <string_view>

#include <gtest/gtest.h>

namespace urial::test {

inline ::testing::AssertionResult contains(std::string_view text, std::string_view part) {
    if (text.find(part) != std::string_view::npos) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "'" << part << "' is not in:\n" << text;
}

inline ::testing::AssertionResult begins_with(std::string_view text, std::string_view start) {
    if (text.starts_with(start)) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "'" << start << "' does not begin:\n" << text;
}

inline ::testing::AssertionResult has_match(const std::string& text, const std::string& pattern) {
    if (std::regex_search(text, std::regex(pattern))) return ::testing::AssertionSuccess();
    return ::testing::AssertionFailure() << "/" << pattern << "/ does not match in:\n" << text;
}

}  // namespace urial::test
