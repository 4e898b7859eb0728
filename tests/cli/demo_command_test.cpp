#include <gtest/gtest.h>

#include "support/expect_text.h"
#include "support/shell.h"

namespace urial::cli {
namespace {

using test::contains;
using test::Shell;
using test::ShellResult;

TEST(Demo, an_empty_question_is_refused_before_a_model_is_looked_for) {
    const ShellResult result = Shell().run("$URIAL demo -m ./absent.gguf ''");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "a question is empty"));
}

}  // namespace
}  // namespace urial::cli
