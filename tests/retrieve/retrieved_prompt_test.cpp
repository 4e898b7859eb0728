#include "retrieve/retrieved_prompt.h"

#include <cmath>

#include <gtest/gtest.h>

#include "base/error.h"
#include "base/files.h"
#include "generate/batch_run.h"
#include "support/expect_error.h"
#include "support/sandbox.h"
#include "support/scripted_model.h"

namespace urial::retrieve {
namespace {

/// Texts become what letters they have: alike texts, alike vectors.
class LetterEmbedder final : public Embedder {
public:
    std::string identity() const override { return "letters"; }
    std::size_t dimension() const override { return 27; }
    std::vector<float> embed(std::span<const std::string> texts, const engine::EncodeOptions&) const override {
        std::vector<float> all;
        for (const std::string& text : texts) {
            std::vector<float> counts(dimension());
            counts.back() = 0.1F;  // no text is without length
            for (const char c : text) {
                if (c >= 'a' && c <= 'z') counts[static_cast<std::size_t>(c - 'a')] += 1;
            }
            float squares = 0;
            for (const float count : counts) squares += count * count;
            for (const float count : counts) all.push_back(count / std::sqrt(squares));
        }
        return all;
    }
};

std::shared_ptr<const generate::PromptSource> prompt(std::size_t shots) {
    Pool pool;
    pool.examples = {{"aaa", "says a"}, {"bbb", "says b"}, {"aab", "says ab"}, {"ccc", "says c"}, {"aaa ", "again"}};
    return retrieved_prompt(std::move(pool), std::make_shared<LetterEmbedder>(), {shots, test::small_prompt(), {}});
}

TEST(RetrievedPrompt, the_nearest_examples_stand_before_the_question_the_nearest_last) {
    EXPECT_EQ(prompt(2)->render({{}, "aa"}),
              prompt::render_prefix(test::small_prompt()) + "Q: aab\nA: says ab\nQ: aaa\nA: says a\nQ: aa\nA: ");
}

TEST(RetrievedPrompt, a_question_of_the_pool_is_never_its_own_example) {
    const std::string text = prompt(3)->render({{}, " aaa\n"});
    EXPECT_EQ(text.find("says a\n"), std::string::npos) << text;
    EXPECT_NE(text.find("says ab\n"), std::string::npos) << text;
}

TEST(RetrievedPrompt, later_turns_keep_the_examples_of_the_first_question) {
    EXPECT_EQ(prompt(1)->render({{{"aa", "1"}}, "ccc"}),
              prompt::render_prefix(test::small_prompt()) + "Q: aaa\nA: says a\nQ: aa\nA: 1\nQ: ccc\nA: ");
}

TEST(RetrievedPrompt, a_pool_without_enough_examples_is_refused) {
    EXPECT_ERROR(prompt(4), ErrorKind::BadInput, "a pool of 4 examples is too small for 4");
    EXPECT_ERROR(prompt(0), ErrorKind::BadInput, "0 shots");
}

TEST(RetrievedPrompt, a_batch_says_in_each_record_which_examples_were_retrieved_and_is_resumed_by_them) {
    const test::TemporaryFolder folder;
    const auto model = std::make_shared<test::ScriptedModel>(test::answer_after("A: ", [](std::string_view text) {
        const std::size_t last = text.rfind("A: says ");
        return std::string(text.substr(last + 3, text.find('\n', last) - last - 3));
    }));
    std::vector<generate::Instruction> instructions;
    for (const char* query : {"cc", "aa", "bb"}) {
        generate::Instruction item;
        item.id = query;
        item.conversation.query = query;
        item.fields = {{"id", query}, {"instruction", query}};
        instructions.push_back(std::move(item));
    }
    generate::BatchOptions options;
    options.output = folder / "out.jsonl";
    options.sampling.max_tokens = 20;
    const auto run = [&](std::size_t shots) {
        generate::LocalAnswerer answerer({model, prompt(shots)}, {.parallel = 2});
        return generate::run_batch(answerer, instructions, options);
    };
    EXPECT_EQ(run(2).progress.done, 3U);
    std::size_t count = 0;
    for_each_json_line(options.output, [&](std::size_t, nlohmann::ordered_json&& record) {
        const char* nearest = record["id"] == "cc" ? "ccc" : record["id"] == "aa" ? "aaa" : "bbb";
        EXPECT_EQ(record["retrieved"].size(), 2U);
        EXPECT_EQ(record["retrieved"].back()["instruction"], nearest);
        EXPECT_GT(record["retrieved"].back()["similarity"], record["retrieved"].front()["similarity"]);
        EXPECT_EQ(record["output"], "says " + record["id"].get<std::string>().substr(0, 1));
        ++count;
    });
    EXPECT_EQ(count, 3U);
    EXPECT_EQ(run(2).resumed, 3U);
    EXPECT_ERROR(run(1), ErrorKind::BadInput, "prompt.shots was 2 and is now 1");
}

}  // namespace
}  // namespace urial::retrieve
