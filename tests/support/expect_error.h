#pragma once

// EXPECT_ERROR(statement, kind, "part of the message"): the statement throws urial::Error of that kind and its text
// holds the part.

#include <gtest/gtest.h>

#include "base/error.h"

#define EXPECT_ERROR(statement, expected_kind, part)                                   \
    try {                                                                              \
        statement;                                                                     \
        ADD_FAILURE() << "no error from " #statement;                                  \
    } catch (const ::urial::Error& caught) {                                           \
        EXPECT_TRUE(caught.kind() == (expected_kind)) << "kind of: " << caught.what(); \
        EXPECT_NE(std::string(caught.what()).find(part), std::string::npos)            \
            << "'" << (part) << "' is not in: " << caught.what();                      \
    }
