// Where a server keeps conversations, and which port it takes.

#include <memory>
#include <vector>

#include <gtest/gtest.h>

#include "serve/serve.h"
#include "serve/served_routes.h"
#include "store/conversation_store.h"
#include "support/expect_error.h"
#include "support/expect_text.h"
#include "support/sandbox.h"

namespace urial::serve::test {
namespace {

using urial::test::contains;
using urial::test::TemporaryFolder;

/// Of a server that has not loaded its models yet.
ServeOptions options_with(const std::filesystem::path& data, bool needs_data, std::string& warnings) {
    ServeOptions options;
    options.models = {{.name = "m", .spec = "none.gguf", .adapters = {}}};
    options.prompts = {{.prompt = "raw"}};
    options.data = data;
    options.needs_data = needs_data;
    options.http.port = 0;
    options.warning = [&](std::string_view line) { warnings += line; };
    return options;
}

TEST(ServerData, a_folder_that_was_named_must_be_had_and_the_usual_one_need_not) {
    const TemporaryFolder folder;
    std::string warnings;
    const Server first(options_with(folder.path(), true, warnings));
    EXPECT_EQ(warnings, "");
    EXPECT_TRUE(std::filesystem::exists(folder / "conversations.db"));
    EXPECT_ERROR(Server(options_with(folder.path(), true, warnings)), ErrorKind::Unavailable, "by another server");
    EXPECT_EQ(warnings, "");
    const Server second(options_with(folder.path(), false, warnings));
    EXPECT_TRUE(contains(warnings, "kept in memory alone"));
}

TEST(ServerData, a_usual_folder_with_a_file_that_cannot_be_read_is_an_error_all_the_same) {
    const TemporaryFolder folder;
    { const store::ConversationStore store({.folder = folder.path()}); }
    std::filesystem::resize_file(folder / "conversations.db", 1000);
    std::string warnings;
    EXPECT_ERROR(Server(options_with(folder.path(), false, warnings)), ErrorKind::BadInput, "conversations.db");
    EXPECT_EQ(std::filesystem::file_size(folder / "conversations.db"), 1000U);
}

TEST(ServerPort, the_next_free_one_is_taken_where_several_may_be) {
    const ServedRoutes first;
    HttpServerOptions options;
    options.port = first.port();
    EXPECT_ERROR(HttpServer(options, {}), ErrorKind::Unavailable, "is in use");
    options.ports = 20;
    const HttpServer second(options, {});
    EXPECT_GT(second.port(), first.port());
    EXPECT_LT(second.port(), first.port() + 20);
}

}  // namespace
}  // namespace urial::serve::test
