#pragma once

// EXPECT_ERROR(statement, kind, "part of the message"): the statement throws urial::Error of that kind saying that.

#include <string>

#include <gtest/gtest.h>

#include "base/error.h"

namespace urial::test {

/// What the Error{BadInput} that the call throws says; "no error" where it throws none.
template <typename Call>
std::string bad_input_of(const Call& call) {
    try {
        call();
    } catch (const Error& failure) {
        EXPECT_EQ(failure.kind(), ErrorKind::BadInput);
        return failure.what();
    }
    return "no error";
}

}  // namespace urial::test

#define EXPECT_ERROR(statement, expected_kind, part)                                            \
    try {                                                                                       \
        statement;                                                                              \
        ADD_FAILURE() << "no error was thrown; expected one saying: " << (part);                \
    } catch (const ::urial::Error& failure) {                                                   \
        EXPECT_EQ(failure.kind(), expected_kind) << failure.what();                             \
        EXPECT_NE(std::string(failure.what()).find(part), std::string::npos) << failure.what(); \
    }
