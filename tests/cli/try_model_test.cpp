#include <gtest/gtest.h>

#include "base/files.h"
#include "support/expect_text.h"
#include "support/shell.h"
#include "support/tiny_gguf.h"

namespace urial::cli {
namespace {

using test::contains;
using test::Shell;
using test::ShellResult;
using test::TinyGguf;

/// A folder with a cache of its own; `raw` continues text, so that no template is needed.
ShellResult ask(const Shell& shell, const std::string& options) {
    return shell.run("URIAL_CACHE=$PWD/cache $URIAL chat -p raw --max-tokens 2 " + options + " hello");
}

TEST(TryModel, a_file_that_ends_the_engine_is_an_error_and_no_crash) {
    const Shell shell;
    // Passes the check: an array of counts, one for each layer, is as good as a count, but these are 0.
    TinyGguf::language_model()
        .set("llama.expert_count", std::uint32_t{4})
        .set("llama.expert_used_count", std::vector<std::int32_t>{0, 0})
        .write(shell.folder() / "deadly.gguf");
    for (int start = 0; start < 2; ++start) {
        const ShellResult result = ask(shell, "-m ./deadly.gguf");
        EXPECT_EQ(result.exit_code, 2) << result.err;
        EXPECT_TRUE(contains(result.err, "this file ends the engine, so it is not used")) << result.err;
        EXPECT_TRUE(contains(result.err, "GGML_ASSERT(n_expert_used_max > 0)")) << result.err;
    }
}

TEST(TryModel, a_sound_unknown_file_is_tried_once_and_answers) {
    const Shell shell;
    TinyGguf::language_model().write(shell.folder() / "tiny.gguf");
    EXPECT_EQ(ask(shell, "-m ./tiny.gguf").exit_code, 0);
    EXPECT_TRUE(fs::exists(shell.folder() / "cache/trials"));
    fs::remove_all(shell.folder() / "cache");
    const ShellResult homeless = shell.run(
        "unset HOME URIAL_CACHE XDG_CACHE_HOME; $URIAL chat -p raw --no-snapshot --max-tokens 2 -m ./tiny.gguf hello");
    EXPECT_EQ(homeless.exit_code, 0) << homeless.err;
}

TEST(TryModel, an_adapter_is_no_model_and_a_model_no_adapter) {
    const Shell shell;
    TinyGguf::language_model().write(shell.folder() / "tiny.gguf");
    TinyGguf::fitting_adapter().write(shell.folder() / "adapter.gguf");
    EXPECT_TRUE(contains(ask(shell, "-m ./adapter.gguf").err, "an adapter for a llama model, not a model"));
    EXPECT_TRUE(contains(ask(shell, "-m ./tiny.gguf --lora tiny.gguf").err, "not an adapter: a whole model"));
    EXPECT_EQ(ask(shell, "-m ./tiny.gguf --lora adapter.gguf").exit_code, 0);
}

}  // namespace
}  // namespace urial::cli
