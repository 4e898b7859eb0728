#include <gtest/gtest.h>

#include "base/files.h"
#include "support/expect_text.h"
#include "support/paths.h"
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

TEST(TryModel, a_language_model_is_no_encoder) {
    const Shell shell;
    TinyGguf::language_model().write(shell.folder() / "tiny.gguf");
    const ShellResult result = shell.run("echo hello | URIAL_CACHE=$PWD/cache $URIAL embed -e ./tiny.gguf -i -");
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_TRUE(contains(result.err, "its metadata names no pooling")) << result.err;
}

TEST(Embed, lines_and_objects_get_the_same_vectors_in_their_order) {
    const Shell shell;
    const std::string fixture = test::source_path("tests/engine/fixtures/tiny_mpnet").string();
    const std::string setting = "export URIAL_CACHE=$PWD/cache URIAL_ENCODER=./tiny.gguf; ";
    EXPECT_EQ(shell.run("$URIAL convert " + fixture + " --type f16 -o tiny.gguf").exit_code, 0);
    write_file_atomic(shell.folder() / "lines.txt", "the cat\r\n\nsat on the mat\n");
    write_file_atomic(shell.folder() / "objects.jsonl",
                      "{\"id\": 7, \"text\": \"the cat\"}\n{\"text\": \"sat on the mat\"}\n");
    const ShellResult lines = shell.run(setting + "$URIAL embed -i lines.txt");
    EXPECT_EQ(lines.exit_code, 0) << lines.err;
    EXPECT_TRUE(lines.out.starts_with("{\"text\":\"the cat\",\"embedding\":[")) << lines.out;
    const ShellResult objects = shell.run(setting + "$URIAL embed -i - -o out.jsonl < objects.jsonl && cat out.jsonl");
    EXPECT_EQ(objects.out, "{\"id\":7," + lines.out.substr(1));
    const ShellResult again = shell.run(setting + "$URIAL embed -i lines.txt -o out.jsonl");
    EXPECT_EQ(again.exit_code, 2);
    EXPECT_TRUE(contains(again.err, "out.jsonl exists; name another file, or --overwrite")) << again.err;
}

TEST(Embed, what_is_no_text_is_named_with_its_place) {
    const Shell shell;
    const auto error_of = [&](std::string_view content) {
        write_file_atomic(shell.folder() / "in", content);
        return shell.run("$URIAL embed -i in").err;
    };
    EXPECT_TRUE(contains(error_of("{\"text\": \"a\"}\n{\"texts\": \"b\"}\n"), "in:2: the object has no string"));
    EXPECT_TRUE(contains(error_of("good\nbad \xFF\n"), "in:2: not UTF-8"));
    EXPECT_TRUE(contains(error_of("\n \n"), "in: holds no text"));
}

}  // namespace
}  // namespace urial::cli
